# What the addon takes from the program that loads it, by the list of Node-API's functions that node-api-headers has. The
# functions are looked up when the first is called (delayed import), in that program whatever its name: node.exe, a copy of
# another name, Electron.
get_filename_component(CMAKE_TOOL_FOLDER ${CMAKE_CXX_COMPILER} DIRECTORY)
find_program(DEEPYEAST_DLLTOOL NAMES x86_64-w64-mingw32-dlltool dlltool HINTS ${CMAKE_TOOL_FOLDER} REQUIRED)
set(definitions ${NODE_API_INCLUDE}/../def)
set(imports)
foreach(part js_native_api node_api)
  set(library ${CMAKE_BINARY_DIR}/lib${part}.a)
  add_custom_command(OUTPUT ${library}
    COMMAND ${DEEPYEAST_DLLTOOL} --machine i386:x86-64 --input-def ${definitions}/${part}.def --output-delaylib ${library}
    DEPENDS ${definitions}/${part}.def VERBATIM)
  list(APPEND imports ${library})
endforeach()
add_custom_target(deepyeast_node_imports DEPENDS ${imports})
add_dependencies(deepyeast deepyeast_node_imports)
target_sources(deepyeast PRIVATE native/windows/node_program.cc)
target_link_libraries(deepyeast PRIVATE ${imports})
