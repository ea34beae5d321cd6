# What the targets of the preset `fuzz` are linked with: parsers, and what those need. A parser that is missing here is a
# link error of its target.
set(source "${PROJECT_SOURCE_DIR}/src")
file(GLOB fuzzed_sources CONFIGURE_DEPENDS "${source}/base/*.cpp" "${source}/api/*.cpp")
list(APPEND fuzzed_sources
    ${source}/engine/chat.cpp ${source}/engine/fingerprint.cpp ${source}/engine/row_source.cpp
    ${source}/store/block.cpp ${source}/store/block_files.cpp ${source}/store/block_files_read.cpp
    ${source}/store/kv_file_decode.cpp ${source}/store/kv_file_encode.cpp ${source}/store/kv_frames.cpp ${source}/store/kv_header.cpp
    ${source}/store/agent_file_encode.cpp ${source}/store/agent_file_decode.cpp
    ${source}/store/collection_plan.cpp
    ${source}/memory/message_text.cpp ${source}/memory/conversation.cpp ${source}/memory/conversation_match.cpp
    ${source}/memory/import_file.cpp ${source}/memory/transfer_layout.cpp ${source}/memory/row_image.cpp
    ${source}/memory/token_chain.cpp ${source}/memory/input_checks.cpp ${source}/memory/utf8.cpp
    ${source}/http/http.cpp ${source}/http/request_parser.cpp ${source}/http/target.cpp ${source}/http/host_check.cpp
    ${source}/http/request_id.cpp ${source}/http/response_head.cpp
    ${source}/server/agent_requests.cpp ${source}/server/speaker.cpp
    ${source}/app/event_reader.cpp ${source}/app/config_options.cpp
    "${PROJECT_SOURCE_DIR}/tests/support/fake_engine.cpp" "${PROJECT_SOURCE_DIR}/tests/support/fake_evaluation.cpp"
    "${PROJECT_SOURCE_DIR}/tests/support/fake_model.cpp" "${PROJECT_SOURCE_DIR}/tests/support/fake_state.cpp"
    "${PROJECT_SOURCE_DIR}/tests/support/fake_text.cpp" "${PROJECT_SOURCE_DIR}/tests/support/fake_answer_format.cpp"
    "${PROJECT_SOURCE_DIR}/tests/support/fault_file_system.cpp"
    "${PROJECT_SOURCE_DIR}/tests/support/fault_file_system_state.cpp")
file(GLOB catalog_sources CONFIGURE_DEPENDS "${source}/store/catalog*.cpp" "${source}/store/sqlite*.cpp")
add_library(kvasir_fuzzed STATIC ${fuzzed_sources} ${catalog_sources})
target_include_directories(kvasir_fuzzed PUBLIC "${source}" "${PROJECT_SOURCE_DIR}/tests")
target_link_libraries(kvasir_fuzzed PUBLIC tl::expected fmt::fmt Boost::headers
    PRIVATE kvasir_flags spdlog::spdlog OpenSSL::Crypto OpenSSL::SSL PkgConfig::XXHASH SQLite::SQLite3 CLI11::CLI11 Threads::Threads)

file(GLOB engine_sources CONFIGURE_DEPENDS "${source}/engine/llama/*.cpp")
add_library(kvasir_fuzzed_engine STATIC ${engine_sources})
target_link_libraries(kvasir_fuzzed_engine PUBLIC kvasir_fuzzed PRIVATE kvasir_flags kvasir::llama)
