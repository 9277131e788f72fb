# Flags every target gets. Presets add only what makes them different.
find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header that keeps no times serves again after a clean build in the same folder.
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_SLOPPINESS=pch_defines,time_macros
      ${CCACHE})
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wno-unused-parameter -fno-omit-frame-pointer -fPIE)

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # Line tables are enough for stack traces and keep objects and links small.
  string(REPLACE "-g" "" CMAKE_CXX_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")
  add_compile_options(-g1)
else()
  # Hardened as DESIGN.md (section 3, point 13) asks for.
  add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
                      -ffunction-sections -fdata-sections)
  add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections)
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)

set(COXSWAIN_SANITIZE "" CACHE STRING "value of -fsanitize=, empty for none")
if(COXSWAIN_SANITIZE)
  add_compile_options(-fsanitize=${COXSWAIN_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${COXSWAIN_SANITIZE})
endif()

option(COXSWAIN_FUZZ "build fuzz targets with libFuzzer" OFF)
if(COXSWAIN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

option(COXSWAIN_PCH "precompile the standard headers" ON)
