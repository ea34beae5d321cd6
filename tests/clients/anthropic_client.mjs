// The official Anthropic SDK for JavaScript.
import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { ASK, PERSON, SYSTEM, TELL, WEATHER, expect, expectFact, expectPerson, expectWeatherCall, main, told }
  from "./client.mjs";

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

// The runner of tools wants the server to hold the conversation (`thread`), is refused, and sends all of it instead.
async function runTools(url) {
  const sent = [];
  const noted = async (input, init) => {
    const response = await fetch(input, init);
    sent.push({ body: JSON.parse(init.body), status: response.status });
    return response;
  };
  const api = new Anthropic({ baseURL: `${url}/agents/runner`, apiKey: "none", maxRetries: 0, fetch: noted });
  const calls = [];
  const weather = betaTool({ name: WEATHER.name, description: WEATHER.description, inputSchema: WEATHER.parameters,
    run: (input) => { calls.push(input); return "4 degrees, rain"; } });
  const runner = api.beta.messages.toolRunner({ model, system, messages: side, tools: [weather], max_tokens: 400,
    max_iterations: 2, tool_choice: { type: "any", disable_parallel_tool_use: true } });
  for await (const message of runner) note(message.usage);
  expectWeatherCall(weather.name, calls[0]);
  expect(sent[0].body.thread !== undefined && sent[0].status === 400, `a thread is refused: ${JSON.stringify(sent[0])}`);
  const whole = sent.filter((request) => request.status === 200);
  expect(whole.length === 2 && whole[1].body.messages.length === 3, `and the whole conversation is sent: ${sent.length}`);
}

async function useSchema(api) {
  const answer = await api.messages.create({ model, system, messages: side, max_tokens: 200,
    output_config: { format: { type: "json_schema", schema: PERSON } } });
  note(answer.usage);
  expectPerson(JSON.parse(textOf(answer)));
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
  await useSchema(api);
  await runTools(url);
  return messages;
}

async function ask(url, messages) {
  expectFact(await stream(connect(url), [...messages, { role: "user", content: ASK }]), "after the restart");
}

await main(tell, ask);
