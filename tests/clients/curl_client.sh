#!/usr/bin/env bash
# curl, as in the README: the server holds the conversation; a stream; an answer with a schema.
set -euo pipefail
phase=$1 url=$2
curl_json() { curl --silent --show-error --fail-with-body -H 'Content-Type: application/json' "$@"; }

# Reads an answer on stdin; prints what it says of tokens, and keeps the text in $text.
told() {
    python3 -c '
import json, sys
usage = json.load(sys.stdin)["usage"]
cached = usage.get("cached_tokens", usage.get("prompt_tokens_details", {}).get("cached_tokens"))
print(json.dumps({"prompt": usage["prompt_tokens"], "cached": cached, "completion": usage["completion_tokens"]}))'
}

say() {
    answer=$(curl_json "$url/agents/curly/messages" -d "{\"content\": \"$1\", \"max_tokens\": 40}")
    told <<<"$answer"
}

if [ "$phase" = tell ]; then
    created=$(curl_json "$url/agents" -d '{"name": "curly", "type": "archivist"}')
    # Nothing is answered: rows evaluated for the system prompt, and one token that is none.
    python3 -c 'import json, sys
print(json.dumps({"prompt": json.load(sys.stdin)["evaluated_tokens"], "cached": 0, "completion": 1}))' <<<"$created"
    say "Remember that the owner of the archive is Nora."
    stream=$(curl_json --no-buffer "$url/agents/curly/messages" \
        -d '{"content": "What is the owner of the archive?", "stream": true, "max_tokens": 40}')
    sed -n 's/^data: \({"agent".*\)/\1/p' <<<"$stream" | told
    grep -q Nora <<<"$stream" || { echo "the fact is not known at once: $stream"; exit 1; }
    answer=$(curl_json "$url/v1/chat/completions" -d '{"model": "any", "max_tokens": 60,
        "messages": [{"role": "user", "content": "Who is it?"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object",
            "properties": {"count": {"type": "integer"}}, "required": ["count"], "additionalProperties": false}}}}')
    told <<<"$answer"
    python3 -c 'import json, sys
answer = json.loads(json.load(sys.stdin)["choices"][0]["message"]["content"])
assert isinstance(answer["count"], int), answer' <<<"$answer"
else
    say "What is the owner of the archive?"
    grep -q Nora <<<"$answer" || { echo "the fact is not known after the restart: $answer"; exit 1; }
fi
