# Third-party libraries, all Debian 12 packages (tools/packages.txt). docs/dependencies.md has the
# licences and says which folder may include which.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
set(Boost_NO_WARN_NEW_VERSIONS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
# Its pkg-config adds -pthread, which the precompiled header is without.
find_library(RE2_LIBRARY re2 REQUIRED)
find_program(PROTOC protoc REQUIRED)
set(COXSWAIN_PYTHON /usr/bin/python3 CACHE FILEPATH "Debian's Python: it has python3-protobuf")

foreach(module libnghttp2 sqlite3 libarchive)
  string(REGEX REPLACE "[^a-zA-Z0-9]" "_" name ${module})
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
endforeach()
