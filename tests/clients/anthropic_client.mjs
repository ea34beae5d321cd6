// The official Anthropic SDK for JavaScript.
import Anthropic from "@anthropic-ai/sdk";
import { ASK, SYSTEM, TELL, WEATHER, expect, expectFact, expectWeatherCall, main, told } from "./client.mjs";

const side = [{ role: "user", content: "What is the weather in Oslo?" }];
const model = "kvasir";
const system = SYSTEM;

const connect = (url) => new Anthropic({ baseURL: `${url}/agents/archivist`, apiKey: "none", maxRetries: 0 });
const promptOf = (usage) =>
  usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
const note = (usage) => told(promptOf(usage), usage.cache_read_input_tokens, usage.output_tokens);
const textOf = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

async function stream(api, messages) {
  const whole = await api.messages.stream({ model, system, messages, max_tokens: 40 }).finalMessage();
  note(whole.usage);
  return textOf(whole);
}

async function useTool(api) {
  const tools = [{ name: WEATHER.name, description: WEATHER.description, input_schema: WEATHER.parameters }];
  const first = await api.messages.create({ model, system, messages: side, tools, max_tokens: 400,
    tool_choice: { type: "any", disable_parallel_tool_use: true } });
  note(first.usage);
  expect(first.stop_reason === "tool_use", `it ends with a call, not with ${first.stop_reason}`);
  const call = first.content.find((block) => block.type === "tool_use");
  expectWeatherCall(call.name, call.input);
  const result = { type: "tool_result", tool_use_id: call.id, content: "4 degrees, rain" };
  const messages = [...side, { role: "assistant", content: first.content }, { role: "user", content: [result] }];
  const second = await api.messages.create({ model, system, messages, tools, max_tokens: 24,
    tool_choice: { type: "none" } });
  note(second.usage);
  expect(second.usage.cache_read_input_tokens > 0, "the call was not read again");
}

async function tell(url) {
  const api = connect(url);
  const messages = [{ role: "user", content: TELL }];
  const counted = await api.messages.countTokens({ model, system, messages });
  const answer = await api.messages.create({ model, system, messages, max_tokens: 40 });
  note(answer.usage);
  expect(counted.input_tokens === promptOf(answer.usage), "count_tokens says what usage says");
  messages.push({ role: "assistant", content: textOf(answer) }, { role: "user", content: ASK });
  const streamed = await stream(api, messages);
  expectFact(streamed, "at once");
  messages.push({ role: "assistant", content: streamed });
  await useTool(api);
  return messages;
}

async function ask(url, messages) {
  expectFact(await stream(connect(url), [...messages, { role: "user", content: ASK }]), "after the restart");
}

await main(tell, ask);
