# How our own code is compiled: warnings are errors, sanitizers on request, ccache where there is one.
# Applied to targets through kvasir_layer() and kvasir_test(), never globally: libraries keep their own flags.

find_program(KVASIR_CCACHE ccache)
if(KVASIR_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${KVASIR_CCACHE}")
endif()

add_library(kvasir_flags INTERFACE)
target_compile_options(kvasir_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
    -Woverloaded-virtual -Wnull-dereference -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 reports these from inside inlined libstdc++ code (a known false alarm), not from ours.
    target_compile_options(kvasir_flags INTERFACE -Wno-null-dereference -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(KVASIR_SANITIZE)
    target_compile_options(kvasir_flags INTERFACE -fsanitize=${KVASIR_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(kvasir_flags INTERFACE -fsanitize=${KVASIR_SANITIZE})
    if(KVASIR_SANITIZE MATCHES "undefined")
        target_compile_options(kvasir_flags INTERFACE -fno-sanitize-recover=all)
    endif()
endif()
if(KVASIR_FUZZ)
    # KVASIR_FUZZING lets bytes with a wrong checksum through, so that the parsers behind it are reached. Such a program
    # must not be used, so there is none without sanitizers, which make it useless for that.
    if(NOT KVASIR_SANITIZE MATCHES "address" OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "KVASIR_FUZZ needs clang and KVASIR_SANITIZE=address,undefined: use the preset fuzz.")
    endif()
    target_compile_definitions(kvasir_flags INTERFACE KVASIR_FUZZING)
    target_compile_options(kvasir_flags INTERFACE -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping)
    target_link_options(kvasir_flags INTERFACE -fsanitize=fuzzer-no-link -fprofile-instr-generate)
endif()

# kvasir_layer(name DIRECTORY dir DEPENDS libs...): the static library of one folder. What it may include is what it links.
function(kvasir_layer name)
    cmake_parse_arguments(LAYER "" "" "DEPENDS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
    add_library(${name} STATIC ${sources})
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${name} PUBLIC ${LAYER_DEPENDS} PRIVATE kvasir_flags)
endfunction()

# kvasir_test(name DEPENDS libs...): one test program of all *_test.cpp in the current folder. Tests whose suite is named
# Soak... get the label soak instead of the folder's; tests of a sanitized build have the sanitizer before their names.
add_custom_target(kvasir_tests)
function(kvasir_test name)
    cmake_parse_arguments(TEST "" "LABEL" "DEPENDS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp")
    add_executable(${name} ${sources})
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_link_libraries(${name} PRIVATE ${TEST_DEPENDS} GTest::gmock GTest::gtest_main kvasir_flags)
    add_dependencies(kvasir_tests ${name})
    set(prefix "")
    if(KVASIR_SANITIZE)
        set(prefix "${KVASIR_SANITIZE}:")
    endif()
    gtest_discover_tests(${name} TEST_PREFIX "${prefix}" TEST_LIST ${name}_short TEST_FILTER "-Soak*:*/Soak*"
        DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 900 LABELS "${TEST_LABEL}")
    gtest_discover_tests(${name} TEST_PREFIX "${prefix}" TEST_LIST ${name}_soak TEST_FILTER "Soak*:*/Soak*"
        DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 7200 LABELS "soak")
endfunction()
