"""LangChain for Python, through both protocols."""

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages import messages_from_dict, messages_to_dict
from langchain_openai import ChatOpenAI

import client

SIDE = [SystemMessage(client.SYSTEM), HumanMessage("What is the weather in Oslo?")]


def models(url: str) -> dict[str, BaseChatModel]:
    return {
        "openai": ChatOpenAI(model="kvasir", base_url=f"{url}/agents/chain/v1", api_key="none", max_retries=0,
                             temperature=0, max_completion_tokens=400, stream_usage=True),
        "anthropic": ChatAnthropic(model="kvasir", base_url=f"{url}/agents/other-chain", api_key="none",
                                   max_retries=0, temperature=0, max_tokens=400),
    }


def told(message: Any) -> None:
    usage = message.usage_metadata
    cached = (usage.get("input_token_details") or {}).get("cache_read") or 0
    client.told(usage["input_tokens"], cached, usage["output_tokens"])


def stream(model: BaseChatModel, messages: list[BaseMessage]) -> AIMessage:
    whole: Any = None
    for chunk in model.stream(messages):
        whole = chunk if whole is None else whole + chunk
    told(whole)
    return AIMessage(whole.text)


def use_tool(model: BaseChatModel) -> None:
    tool = {"type": "function", "function": client.WEATHER_TOOL}
    answer: Any = model.bind_tools([tool], tool_choice="any").invoke(SIDE)
    told(answer)
    client.expect_weather_call(answer.tool_calls[0]["name"], answer.tool_calls[0]["args"])


def use_schema(model: BaseChatModel) -> None:
    schema = {"title": "person", **client.PERSON_SCHEMA}
    answer: Any = model.with_structured_output(schema, method="json_schema", include_raw=True).invoke(SIDE)
    told(answer["raw"])
    client.expect_person(answer["raw"].text)


def tell(url: str) -> Any:
    kept = {}
    for name, model in models(url).items():
        messages: list[BaseMessage] = [SystemMessage(client.SYSTEM), HumanMessage(client.TELL)]
        answer: Any = model.invoke(messages)
        told(answer)
        messages += [AIMessage(answer.text), HumanMessage(client.ASK)]
        streamed = stream(model, messages)
        client.expect(client.FACT in streamed.text, f"{name}: the fact is known at once: {streamed.text}")
        use_tool(model)
        kept[name] = messages_to_dict([*messages, streamed])
    use_schema(models(url)["openai"])
    return kept


def ask(url: str, kept: Any) -> None:
    for name, model in models(url).items():
        answer = stream(model, [*messages_from_dict(kept[name]), HumanMessage(client.ASK)])
        client.expect(client.FACT in answer.text, f"{name}: the fact is known after the restart: {answer.text}")


client.main(tell, ask)
