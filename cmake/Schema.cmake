# coxswain_schema(NAME PROTOS a.proto ... [IMPORT_DIRS dir ...] [NAMESPACES package=ns::space ...]
#                 INCLUDE folder [SPLIT stem=n ...] [REGISTRY] [DEPS ...])
#
# Static library NAME of the structs that tools/schema_gen makes from .proto files. For each x.proto
# there is a header "<folder>/x.h" in the build tree. SPLIT spreads a big one over n units. REGISTRY
# defines api/reflect/object.h's registry from them (one library of the program). A package without
# an entry in NAMESPACES gets coxswain::api::<its last parts>.
function(coxswain_schema NAME)
  cmake_parse_arguments(S "REGISTRY" "INCLUDE" "PROTOS;IMPORT_DIRS;NAMESPACES;SPLIT;DEPS;EXTERNAL" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/gen/${S_INCLUDE})
  set(descriptors ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.pb)
  set(files)
  set(protos)
  set(stems)
  foreach(proto ${S_PROTOS})
    get_filename_component(stem ${proto} NAME_WE)
    get_filename_component(path ${proto} ABSOLUTE)
    get_filename_component(dir ${path} DIRECTORY)
    list(APPEND protos ${path})
    list(APPEND stems ${stem})
    list(APPEND S_IMPORT_DIRS ${dir})
    list(APPEND files ${out}/${stem}.h ${out}/${stem}.cc)
    foreach(split ${S_SPLIT})
      if(split MATCHES "^${stem}=([0-9]+)$")
        foreach(part RANGE 2 ${CMAKE_MATCH_1})
          list(APPEND files ${out}/${stem}_${part}.cc)
        endforeach()
      endif()
    endforeach()
  endforeach()
  set(args)
  foreach(n ${S_NAMESPACES})
    list(APPEND args --namespace ${n})
  endforeach()
  foreach(s ${S_SPLIT})
    list(APPEND args --split ${s})
  endforeach()
  foreach(e ${S_EXTERNAL})
    list(APPEND args --external ${e})
  endforeach()
  if(S_REGISTRY)
    list(APPEND args --registry)
    list(APPEND files ${out}/registry.cc)
  endif()
  list(REMOVE_DUPLICATES S_IMPORT_DIRS)
  set(imports)
  set(imported)
  foreach(dir ${S_IMPORT_DIRS})
    get_filename_component(dir ${dir} ABSOLUTE)
    file(GLOB more CONFIGURE_DEPENDS ${dir}/*.proto)
    list(APPEND imported ${more})
    list(APPEND imports -I${dir})
  endforeach()
  file(GLOB generator CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/schema_gen/*.py)
  add_custom_command(
    OUTPUT ${files}
    BYPRODUCTS ${descriptors}
    COMMAND ${PROTOC} ${imports} --include_imports --descriptor_set_out=${descriptors} ${protos}
    COMMAND ${COXSWAIN_PYTHON} ${CMAKE_SOURCE_DIR}/tools/schema_gen/main.py
            --descriptors ${descriptors} --out ${out} --include ${S_INCLUDE} ${args} ${stems}
    DEPENDS ${protos} ${imported} ${generator}
    COMMENT "Generating ${S_INCLUDE} from schema"
    VERBATIM)
  coxswain_library(${NAME} NO_GLOB DEPS api_reflect ${S_DEPS} SOURCES ${files})
  # offsetof of members whose types are not standard layout: every compiler we use computes it.
  target_compile_options(${NAME} PRIVATE -Wno-invalid-offsetof)
endfunction()
