# The description that travels inside the package; an extension without its metadata stops here.

set(description "name ${PROJECT_NAME}\n")
foreach(field IN ITEMS HOMEPAGE CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  if("${EXTENSION_${field}}" STREQUAL "")
    message(FATAL_ERROR "EXTENSION_${field} is not set")
  endif()
  string(TOLOWER "${field}" name)
  string(APPEND description "${name} ${EXTENSION_${field}}\n")
endforeach()
file(WRITE "${CMAKE_BINARY_DIR}/${PROJECT_NAME}.s4ext" "${description}")
install(FILES "${CMAKE_BINARY_DIR}/${PROJECT_NAME}.s4ext" DESTINATION "share/Slicer-5.12")
