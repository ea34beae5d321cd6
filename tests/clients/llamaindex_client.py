"""LlamaIndex through its client for OpenAI-like servers."""

from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

import client


def connect(url: str) -> OpenAILike:
    return OpenAILike(model="kvasir", api_base=f"{url}/agents/index/v1", api_key="none", is_chat_model=True,
                      is_function_calling_model=True, context_window=8192, max_tokens=400, temperature=0, max_retries=0,
                      additional_kwargs={"stream_options": {"include_usage": True}})


def plain(url: str) -> OpenAILike:
    return connect(url).model_copy(update={"additional_kwargs": {}})


def told(raw: Any) -> None:
    usage = raw.usage
    client.told(usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens)


def get_weather(city: str, days: int) -> str:
    """The weather of a city"""
    return f"rain in {city} for {days} days"


def stream(llm: OpenAILike, messages: list[ChatMessage]) -> str:
    text = ""
    for piece in llm.stream_chat(messages):
        text = piece.message.content or text
        if piece.raw is not None and piece.raw.usage:
            told(piece.raw)
    return text


def use_tool(url: str) -> None:
    tool = FunctionTool.from_defaults(get_weather)
    llm = plain(url)
    answer = llm.chat_with_tools([tool], user_msg="What is the weather in Oslo?", tool_required=True)
    told(answer.raw)
    calls = llm.get_tool_calls_from_response(answer)
    client.expect_weather_call(calls[0].tool_name, calls[0].tool_kwargs)


def use_schema(url: str) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "person", "schema": client.PERSON_SCHEMA, "strict": True}}
    messages = [ChatMessage(role="system", content=client.SYSTEM), ChatMessage(role="user", content="Who is it?")]
    answer = plain(url).chat(messages, response_format=schema)
    told(answer.raw)
    client.expect_person(answer.message.content)


def tell(url: str) -> Any:
    messages = [ChatMessage(role="system", content=client.SYSTEM), ChatMessage(role="user", content=client.TELL)]
    answer = plain(url).chat(messages)
    told(answer.raw)
    messages += [ChatMessage(role="assistant", content=answer.message.content),
                 ChatMessage(role="user", content=client.ASK)]
    streamed = stream(connect(url), messages)
    client.expect(client.FACT in streamed, f"the fact is known at once: {streamed}")
    use_tool(url)
    use_schema(url)
    messages.append(ChatMessage(role="assistant", content=streamed))
    return [[message.role.value, message.content] for message in messages]


def ask(url: str, kept: Any) -> None:
    messages = [ChatMessage(role=role, content=content) for role, content in kept]
    answer = stream(connect(url), [*messages, ChatMessage(role="user", content=client.ASK)])
    client.expect(client.FACT in answer, f"the fact is known after the restart: {answer}")


client.main(tell, ask)
