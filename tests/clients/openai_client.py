"""The official OpenAI SDK for Python."""

import json
from typing import Any

from openai import OpenAI

import client

SIDE = [{"role": "system", "content": client.SYSTEM}, {"role": "user", "content": "What is the weather in Oslo?"}]


def connect(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/agents/archivist/v1", api_key="none", max_retries=0)


def told(usage: Any) -> None:
    client.told(usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens)


def stream(api: OpenAI, messages: list[Any]) -> str:
    text = ""
    chunks = api.chat.completions.create(model="kvasir", messages=messages, stream=True, max_completion_tokens=40,
                                         stream_options={"include_usage": True})
    for chunk in chunks:
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
        if chunk.usage:
            told(chunk.usage)
    return text


def use_tool(api: OpenAI) -> None:
    tools: Any = [{"type": "function", "function": client.WEATHER_TOOL}]
    first = api.chat.completions.create(model="kvasir", messages=SIDE, tools=tools, tool_choice="required",
                                        max_completion_tokens=400, parallel_tool_calls=False)
    told(first.usage)
    answer = first.choices[0]
    client.expect(answer.finish_reason == "tool_calls", f"it ends with a call, not with {answer.finish_reason}")
    call = answer.message.tool_calls[0]
    client.expect_weather_call(call.function.name, json.loads(call.function.arguments))
    result = {"role": "tool", "tool_call_id": call.id, "content": "4 degrees, rain"}
    messages = [*SIDE, answer.message.model_dump(exclude_none=True), result]
    second = api.chat.completions.create(model="kvasir", messages=messages, tools=tools, tool_choice="none",
                                         max_completion_tokens=24)
    told(second.usage)
    client.expect(second.usage.prompt_tokens_details.cached_tokens > 0, "the call was not read again")


def use_schema(api: OpenAI) -> None:
    schema: Any = {"type": "json_schema",
                   "json_schema": {"name": "person", "schema": client.PERSON_SCHEMA, "strict": True}}
    answer = api.chat.completions.create(model="kvasir", messages=SIDE, response_format=schema,
                                         max_completion_tokens=200)
    told(answer.usage)
    client.expect_person(answer.choices[0].message.content)


def tell(url: str) -> Any:
    api = connect(url)
    client.expect(len(list(api.models.list())) == 1, "there is one model")
    messages: list[Any] = [{"role": "system", "content": client.SYSTEM}, {"role": "user", "content": client.TELL}]
    answer = api.chat.completions.create(model="kvasir", messages=messages, max_completion_tokens=40)
    told(answer.usage)
    messages.append({"role": "assistant", "content": answer.choices[0].message.content})
    messages.append({"role": "user", "content": client.ASK})
    streamed = stream(api, messages)
    client.expect(client.FACT in streamed, f"the fact is known at once: {streamed}")
    messages.append({"role": "assistant", "content": streamed})
    use_tool(api)
    use_schema(api)
    return messages


def ask(url: str, messages: Any) -> None:
    answer = stream(connect(url), [*messages, {"role": "user", "content": client.ASK}])
    client.expect(client.FACT in answer, f"the fact is known after the restart: {answer}")


client.main(tell, ask)
