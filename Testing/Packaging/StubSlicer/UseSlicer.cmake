# The three macros that scripted modules call.

option(BUILD_TESTING "Build the tests" ON)

# Copy scripts and resources to the build tree with their relative paths, and install that tree.
function(ctkMacroCompilePythonScript)
  cmake_parse_arguments(arg "NO_INSTALL_SUBDIR;GLOBAL_TARGET"
    "TARGET_NAME;SOURCE_DIR;DESTINATION_DIR;INSTALL_DIR" "SCRIPTS;RESOURCES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ctkMacroCompilePythonScript does not know: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  foreach(required IN ITEMS TARGET_NAME SCRIPTS DESTINATION_DIR INSTALL_DIR)
    if("${arg_${required}}" STREQUAL "")
      message(FATAL_ERROR "ctkMacroCompilePythonScript needs ${required}")
    endif()
  endforeach()

  set(copies)
  foreach(file IN LISTS arg_SCRIPTS)
    if(NOT file MATCHES "\\.py$")
      string(APPEND file ".py")
    endif()
    list(APPEND arg_RESOURCES "${file}")
  endforeach()
  foreach(file IN LISTS arg_RESOURCES)
    set(from "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
    set(to "${arg_DESTINATION_DIR}/${file}")
    if(NOT EXISTS "${from}" OR IS_DIRECTORY "${from}")
      message(FATAL_ERROR "${arg_TARGET_NAME} lists a file that does not exist: ${file}")
    endif()
    add_custom_command(OUTPUT "${to}" DEPENDS "${from}"
      COMMAND "${CMAKE_COMMAND}" -E copy "${from}" "${to}")
    list(APPEND copies "${to}")
  endforeach()
  add_custom_target(Copy${arg_TARGET_NAME}PythonFiles ALL DEPENDS ${copies})

  set(contents "/")
  if(NOT arg_NO_INSTALL_SUBDIR)
    set(contents "")
  endif()
  install(DIRECTORY "${arg_DESTINATION_DIR}${contents}" DESTINATION "${arg_INSTALL_DIR}")
endfunction()

# One scripted module: its entry script, what it imports, and its resources.
function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(arg "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME"
    "SCRIPTS;RESOURCES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule does not know: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  list(TRANSFORM arg_SCRIPTS REPLACE "\\.py$" "" OUTPUT_VARIABLE stems)
  if(NOT arg_NAME IN_LIST stems)
    message(FATAL_ERROR "The module '${arg_NAME}' does not list its own ${arg_NAME}.py")
  endif()
  set(folder "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
  set(no_subdir NO_INSTALL_SUBDIR)
  if(arg_WITH_SUBDIR)
    get_filename_component(name "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
    string(APPEND folder "/${name}")
    set(no_subdir)
  endif()
  ctkMacroCompilePythonScript(
    TARGET_NAME ${arg_NAME}
    SCRIPTS ${arg_SCRIPTS}
    RESOURCES ${arg_RESOURCES}
    DESTINATION_DIR "${folder}"
    INSTALL_DIR "${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}"
    ${no_subdir}
    )
endfunction()

# A test that runs inside Slicer: there is none here, so only its script is looked for.
function(slicer_add_python_unittest)
  cmake_parse_arguments(arg "" "SCRIPT;TESTNAME_PREFIX" "SLICER_ARGS" ${ARGN})
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT}")
    message(FATAL_ERROR "The test script '${arg_SCRIPT}' does not exist")
  endif()
endfunction()
