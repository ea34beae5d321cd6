# llama.cpp as the imported target kvasir::llama. Its source is never part of this repository and its build never part of
# this build tree: scripts/engine.sh builds it once into a cache with its own flags, whatever sanitizers ours use.
#
#   (default)                           the pinned, verified source (see scripts/engine.sh)
#   -DKVASIR_LLAMA_DIR=/path            a checkout of your own
#   -DKVASIR_LLAMA_URL=... -DKVASIR_LLAMA_SHA256=...   an archive of the source, through FetchContent

set(KVASIR_LLAMA_DIR "" CACHE PATH "llama.cpp checkout to use instead of the pinned source")
set(KVASIR_LLAMA_URL "" CACHE STRING "archive of llama.cpp to use instead of the pinned source")
set(KVASIR_LLAMA_SHA256 "" CACHE STRING "SHA-256 of that archive")
option(KVASIR_LLAMA_SERVER "also build llama-server, the benchmark peer" OFF)

set(engine_script "${PROJECT_SOURCE_DIR}/scripts/engine.sh")
if(KVASIR_LLAMA_DIR)
    set(llama_source "${KVASIR_LLAMA_DIR}")
elseif(KVASIR_LLAMA_URL)
    if(NOT KVASIR_LLAMA_SHA256 MATCHES "^[0-9a-fA-F]+$")
        message(FATAL_ERROR "KVASIR_LLAMA_URL needs KVASIR_LLAMA_SHA256, the SHA-256 of that archive.")
    endif()
    include(FetchContent)
    FetchContent_Declare(kvasir_llama_source URL "${KVASIR_LLAMA_URL}" URL_HASH "SHA256=${KVASIR_LLAMA_SHA256}"
        DOWNLOAD_EXTRACT_TIMESTAMP ON SOURCE_SUBDIR do-not-add)
    FetchContent_MakeAvailable(kvasir_llama_source)
    set(llama_source "${kvasir_llama_source_SOURCE_DIR}")
else()
    execute_process(COMMAND "${engine_script}" source OUTPUT_VARIABLE llama_source
        OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "The source of llama.cpp is not there; the lines above say why.")
    endif()
endif()

set(engine_targets libs)
if(KVASIR_TESTS)
    list(APPEND engine_targets archs)
endif()
if(KVASIR_LLAMA_SERVER)
    list(APPEND engine_targets server)
endif()
execute_process(COMMAND "${engine_script}" build "${llama_source}" ${engine_targets} OUTPUT_VARIABLE llama_build
    OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "llama.cpp was not built; the lines above say why.")
endif()
message(STATUS "llama.cpp: ${llama_build}")

add_library(kvasir_llama_import INTERFACE)
add_library(kvasir::llama ALIAS kvasir_llama_import)
target_include_directories(kvasir_llama_import SYSTEM INTERFACE "${llama_source}/include"
    "${llama_source}/ggml/include" "${llama_source}/common" "${llama_source}/src" "${llama_source}/vendor")
file(GLOB_RECURSE backend_archives "${llama_build}/ggml/src/libggml-*.a")
set(llama_archives
    "${llama_build}/common/libllama-common.a" "${llama_build}/common/libllama-common-base.a"
    "${llama_build}/vendor/cpp-httplib/libcpp-httplib.a" "${llama_build}/src/libllama.a"
    "${llama_build}/ggml/src/libggml.a" ${backend_archives} "${llama_build}/ggml/src/libggml-base.a")
if(APPLE)
    target_link_libraries(kvasir_llama_import INTERFACE ${llama_archives} "-framework Foundation"
        "-framework Metal" "-framework MetalKit" "-framework Accelerate")
else()
    target_link_libraries(kvasir_llama_import INTERFACE -Wl,--start-group ${llama_archives} -Wl,--end-group)
endif()
if(EXISTS "${llama_build}/ggml/src/ggml-cuda/libggml-cuda.a")  # KVASIR_ENGINE_FLAGS=-DGGML_CUDA=ON
    find_package(CUDAToolkit REQUIRED)
    target_link_libraries(kvasir_llama_import INTERFACE CUDA::cudart CUDA::cublas CUDA::cuda_driver)
endif()
target_link_libraries(kvasir_llama_import INTERFACE Threads::Threads ${CMAKE_DL_LIBS})

set(KVASIR_LLAMA_ARCHIVES "${llama_archives}" CACHE INTERNAL "")
set(KVASIR_LLAMA_BUILD_DIR "${llama_build}" CACHE INTERNAL "")
set(KVASIR_LLAMA_SOURCE_DIR "${llama_source}" CACHE INTERNAL "")
set(KVASIR_TEST_MODEL_TOOL "${llama_build}/bin/test-llama-archs" CACHE INTERNAL "")
