"""The official Anthropic SDK for Python."""

from typing import Any

from anthropic import Anthropic

import client

SIDE = [{"role": "user", "content": "What is the weather in Oslo?"}]


def connect(url: str) -> Anthropic:
    return Anthropic(base_url=f"{url}/agents/archivist", api_key="none", max_retries=0)


def told(usage: Any) -> None:
    cached = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    client.told(usage.input_tokens + cached + written, cached, usage.output_tokens)


def stream(api: Anthropic, messages: list[Any]) -> str:
    with api.messages.stream(model="kvasir", system=client.SYSTEM, messages=messages, max_tokens=40) as events:
        text = "".join(events.text_stream)
        told(events.get_final_message().usage)
    return text


def use_tool(api: Anthropic) -> None:
    tools: Any = [{"name": client.WEATHER_TOOL["name"], "description": client.WEATHER_TOOL["description"],
                   "input_schema": client.WEATHER_TOOL["parameters"]}]
    first = api.messages.create(model="kvasir", system=client.SYSTEM, messages=SIDE, tools=tools, max_tokens=400,
                                tool_choice={"type": "any", "disable_parallel_tool_use": True})
    told(first.usage)
    client.expect(first.stop_reason == "tool_use", f"it ends with a call, not with {first.stop_reason}")
    call = next(block for block in first.content if block.type == "tool_use")
    client.expect_weather_call(call.name, call.input)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "4 degrees, rain"}
    messages: Any = [*SIDE, {"role": "assistant", "content": [block.to_dict() for block in first.content]},
                     {"role": "user", "content": [result]}]
    second = api.messages.create(model="kvasir", system=client.SYSTEM, messages=messages, tools=tools, max_tokens=24,
                                 tool_choice={"type": "none"})
    told(second.usage)
    client.expect((second.usage.cache_read_input_tokens or 0) > 0, "the call was not read again")


def use_schema(api: Anthropic) -> None:
    answer = api.messages.create(model="kvasir", system=client.SYSTEM, messages=SIDE, max_tokens=200,
                                 output_config={"format": {"type": "json_schema", "schema": client.PERSON_SCHEMA}})
    told(answer.usage)
    client.expect_person(answer.content[0].text)


def tell(url: str) -> Any:
    api = connect(url)
    messages: list[Any] = [{"role": "user", "content": client.TELL}]
    counted = api.messages.count_tokens(model="kvasir", system=client.SYSTEM, messages=messages).input_tokens
    answer = api.messages.create(model="kvasir", system=client.SYSTEM, messages=messages, max_tokens=40)
    told(answer.usage)
    usage = answer.usage
    prompt = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    client.expect(counted == prompt, f"count_tokens says {counted}, usage says {prompt}")
    messages += [{"role": "assistant", "content": answer.content[0].text}, {"role": "user", "content": client.ASK}]
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
