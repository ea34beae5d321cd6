#!/usr/bin/env bash
# Fuzzes every parser of foreign bytes (tests/fuzz) under libFuzzer, AddressSanitizer and UBSan.
#
#   scripts/fuzz.sh [SECONDS]     each target so long (60); KVASIR_FUZZ_TARGETS="names ..." runs only those
#   scripts/fuzz.sh coverage      only the coverage of what was found so far
#
# First the controls: with a bug planted behind each parser, the same command must find it. Then the targets, from the
# committed corpus and what earlier runs found (build/fuzz-corpus). A finding is a file in build/fuzz-findings. Last, line
# coverage of each parser; below the floor, the command fails.
set -euo pipefail
. "$(dirname "$0")/common.sh"

floor=90
control_seconds=120
findings=build/fuzz-findings corpora=build/fuzz-corpus logs=build/fuzz-logs programs=build/fuzz/tests/fuzz
all_targets=(block_header block_file import_file state_image catalog_rows turn_messages request_bodies http_request server_events
    chat_template configuration names)
read -ra targets <<<"${KVASIR_FUZZ_TARGETS:-${all_targets[*]}}"
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export LLVM_PROFILE_FILE=/dev/null

# Which files a target is there for.
parsers_of() {
    case "$1" in
        block_header) echo src/store/kv_file_decode.cpp src/store/kv_header.cpp ;;
        block_file) echo src/store/kv_file_decode.cpp src/store/kv_header.cpp src/store/block_files_read.cpp ;;
        import_file) echo src/store/agent_file_{decode,encode}.cpp src/memory/{import_file,transfer_layout}.cpp ;;
        state_image) echo src/engine/llama/{state,snapshot}_image.cpp ;;
        catalog_rows) echo src/store/sqlite_columns.cpp src/memory/conversation.cpp ;;
        turn_messages) echo src/memory/message_text.cpp ;;
        request_bodies) echo src/api/{json_text,json_fields,request_fields,speaker_fields,system_text}.cpp \
            src/api/{openai_chat_request,openai_messages,openai_tools,openai_completions}.cpp \
            src/api/openai_{response_items,response_tools,responses_request,conversations}.cpp \
            src/api/{anthropic_request,anthropic_messages,anthropic_tools}.cpp src/server/agent_requests.cpp ;;
        http_request) echo src/http/{request_parser,target,host_check,request_id,response_head}.cpp ;;
        server_events) echo src/app/event_reader.cpp ;;
        chat_template) echo src/engine/llama/{chat_conversion,text_prompts,text_tools,json_schemas,answer_format}.cpp ;;
        configuration) echo src/app/config_options.cpp ;;
        names) echo src/base/names.cpp src/server/speaker.cpp src/http/target.cpp ;;
    esac
}

options_of() {  # files that are larger, slower, or read with a dictionary
    case "$1" in
        request_bodies|turn_messages) echo "-max_len=4096 -dict=tests/fuzz/json.dict" ;;
        import_file) echo "-max_len=16384 -dict=tests/fuzz/json.dict" ;;
        chat_template) echo "-max_len=2048 -dict=tests/fuzz/json.dict -timeout=30" ;;
        http_request) echo "-max_len=12000 -dict=tests/fuzz/http.dict" ;;
        configuration) echo "-max_len=1024 -dict=tests/fuzz/configuration.dict" ;;
        server_events) echo "-max_len=2048 -dict=tests/fuzz/server_events.dict" ;;
        names) echo "-max_len=256" ;;
        *) echo "-max_len=2048" ;;
    esac
}

# run_target NAME LOG FOLDER OPTION...: 0 when nothing was found.
run_target() {
    local name=$1 log=$2 folder=$3
    shift 3
    mkdir -p "$folder" "$findings"
    # shellcheck disable=SC2046  # options are words
    nice -n "${KVASIR_FUZZ_NICE:-0}" "$programs/fuzz_$name" $(options_of "$name") -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$findings/$name-" "$@" "$folder" "tests/fuzz/corpus/$name" >"$log" 2>&1
}

executions_of() { awk '/stat::number_of_executed_units/ { sum += $2 } END { print sum + 0 }' "$1"; }

control() {
    local name=$1 log="$logs/$1-control.log" folder
    folder=$(mktemp -d)
    # Of processor time: how busy the machine is with other things says nothing about the corpus.
    if (ulimit -t "$control_seconds"; KVASIR_FUZZ_PLANT=rare run_target "$name" "$log" "$folder" -artifact_prefix="$folder/"); then
        die "control: $name ended by itself ($log)"
    fi
    rm -rf "$folder"
    grep -q 'heap-buffer-overflow' "$log" \
        || die "control: the bug that was planted behind $name was not found in $control_seconds s of processor time ($log)"
    say "control: the bug planted behind $name was found"
}

coverage() {
    local name files=() bad=0
    mkdir -p "$logs"
    for name in "${targets[@]}"; do
        mkdir -p "$corpora/$name"
        LLVM_PROFILE_FILE="$PWD/$logs/$name.profraw" "$programs/fuzz_$name" -runs=0 "$corpora/$name" "tests/fuzz/corpus/$name" >"$logs/$name-coverage.log" 2>&1 \
            || die "the corpus of $name does not pass any more ($logs/$name-coverage.log)"
        llvm-profdata-14 merge -sparse "$logs/$name.profraw" -o "$logs/$name.profdata"
        read -ra files <<<"$(parsers_of "$name")"
        llvm-cov-14 export -summary-only -instr-profile="$logs/$name.profdata" "$programs/fuzz_$name" >"$logs/$name-coverage.json"
        python3 tests/fuzz/line_coverage.py "$name" "$floor" "$logs/$name-coverage.json" "${files[@]}" || bad=1
    done
    [ "$bad" = 0 ] || die "the line coverage of a parser is below $floor %"
}

fuzz() {
    local name seconds=$1 total=0 count bad=0
    for name in "${targets[@]}"; do
        if ! run_target "$name" "$logs/$name.log" "$corpora/$name" -max_total_time="$seconds"; then
            bad=1
            say "FOUND in $name: see $logs/$name.log"
        fi
        count=$(executions_of "$logs/$name.log")
        total=$((total + count))
        say "$name: $count executions"
    done
    say "$total executions over ${#targets[@]} targets"
    [ "$bad" = 0 ] || die "something was found; the inputs are in $findings. Make each a file of tests/fuzz/corpus when it is mended."
}

mkdir -p "$logs"
scripts/build.sh fuzz kvasir_fuzzers
if [ "${1:-}" != coverage ]; then
    for name in "${targets[@]}"; do control "$name"; done
    fuzz "${1:-60}"
fi
coverage
