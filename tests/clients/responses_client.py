"""The official OpenAI SDK for Python, with Responses and a Conversation: the server holds the history."""

import json
from typing import Any

from openai import OpenAI

import client


def connect(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/agents/archivist/v1", api_key="none", max_retries=0)


def told(usage: Any) -> None:
    client.told(usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens)


def stream(api: OpenAI, **request: Any) -> Any:
    """By the SDK's helper, which puts the response together from its events."""
    with api.responses.stream(model="kvasir", instructions=client.SYSTEM, max_output_tokens=40, **request) as events:
        text = ""
        numbers = []
        for event in events:
            numbers.append(event.sequence_number)
            if event.type == "response.output_text.delta":
                text += event.delta
        final = events.get_final_response()
    client.expect(numbers == list(range(len(numbers))), f"events are numbered without a gap: {numbers}")
    client.expect(final.output_text == text, "the end is what was streamed")
    told(final.usage)
    return final


def use_tool(api: OpenAI) -> None:
    tool: Any = {"type": "function", "strict": True, **client.WEATHER_TOOL}
    first = api.responses.create(model="kvasir", input="What is the weather in Oslo?", tools=[tool, {"type": "web_search"}],
                                 tool_choice="required", max_output_tokens=400, parallel_tool_calls=False)
    told(first.usage)
    calls = [item for item in first.output if item.type == "function_call"]
    client.expect(len(calls) == 1, f"there is one call: {first.output}")
    client.expect_weather_call(calls[0].name, json.loads(calls[0].arguments))
    result: Any = {"type": "function_call_output", "call_id": calls[0].call_id, "output": "4 degrees, rain"}
    second = api.responses.create(model="kvasir", input=[result], tools=[tool, {"type": "web_search"}],
                                  tool_choice="none", previous_response_id=first.id, max_output_tokens=24)
    told(second.usage)
    client.expect(second.usage.input_tokens_details.cached_tokens > 0, "the call was not read again")


def use_schema(api: OpenAI) -> None:
    form: Any = {"format": {"type": "json_schema", "name": "person", "schema": client.PERSON_SCHEMA, "strict": True}}
    answer = api.responses.create(model="kvasir", input="Who?", text=form, max_output_tokens=200)
    told(answer.usage)
    client.expect_person(answer.output_text)


def use_conversation(api: OpenAI) -> str:
    conversation = api.conversations.create(metadata={"topic": "archive"},
                                            items=[{"type": "message", "role": "user", "content": client.TELL}])
    answer = api.responses.create(model="kvasir", conversation=conversation.id, input=client.ASK, max_output_tokens=24)
    told(answer.usage)
    items = list(api.conversations.items.list(conversation.id, order="asc", limit=2))
    client.expect([item.role for item in items] == ["user", "user", "assistant"], f"three items are kept: {items}")
    return conversation.id


def tell(url: str) -> Any:
    api = connect(url)
    first = api.responses.create(model="kvasir", instructions=client.SYSTEM, input=client.TELL, max_output_tokens=40)
    told(first.usage)
    client.expect(api.responses.retrieve(first.id).output_text == first.output_text, "it can be asked for again")
    inputs = list(api.responses.input_items.list(first.id))
    client.expect(len(inputs) == 1 and inputs[0].content[0].text == client.TELL, f"its input, too: {inputs}")
    second = stream(api, input=client.ASK, previous_response_id=first.id)
    client.expect(client.FACT in second.output_text, f"the fact is known at once: {second.output_text}")
    use_tool(api)
    use_schema(api)
    forgotten = api.responses.create(model="kvasir", input="Forget this.", max_output_tokens=4)
    told(forgotten.usage)
    api.responses.delete(forgotten.id)
    return {"response": second.id, "conversation": use_conversation(api)}


def ask(url: str, kept: Any) -> None:
    api = connect(url)
    answer = stream(api, input=client.ASK, previous_response_id=kept["response"])
    client.expect(client.FACT in answer.output_text, f"the fact is known after the restart: {answer.output_text}")
    told(api.responses.create(model="kvasir", conversation=kept["conversation"], input=client.ASK,
                              max_output_tokens=24).usage)
    client.expect(len(list(api.conversations.items.list(kept["conversation"]))) == 5, "the conversation has gone on")
    api.conversations.delete(kept["conversation"])


client.main(tell, ask)
