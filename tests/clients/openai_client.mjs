// The official OpenAI SDK for JavaScript.
import OpenAI from "openai";
import { ASK, PERSON, SYSTEM, TELL, WEATHER, expect, expectFact, expectPerson, expectWeatherCall, main, told }
  from "./client.mjs";

const side = [{ role: "system", content: SYSTEM }, { role: "user", content: "What is the weather in Oslo?" }];
const model = "kvasir";

const connect = (url) => new OpenAI({ baseURL: `${url}/agents/archivist/v1`, apiKey: "none", maxRetries: 0 });
const note = (usage) => told(usage.prompt_tokens, usage.prompt_tokens_details?.cached_tokens, usage.completion_tokens);

async function stream(api, messages) {
  const runner = api.chat.completions.stream({ model, messages, max_completion_tokens: 40,
    stream_options: { include_usage: true } });
  const whole = await runner.finalChatCompletion();
  note(whole.usage);
  return whole.choices[0].message.content;
}

async function useTool(api) {
  const tools = [{ type: "function", function: WEATHER }];
  const first = await api.chat.completions.create({ model, messages: side, tools, tool_choice: "required",
    max_completion_tokens: 400, parallel_tool_calls: false });
  note(first.usage);
  const call = first.choices[0].message.tool_calls[0];
  expectWeatherCall(call.function.name, JSON.parse(call.function.arguments));
  const messages = [...side, first.choices[0].message,
    { role: "tool", tool_call_id: call.id, content: "4 degrees, rain" }];
  const second = await api.chat.completions.create({ model, messages, tools, tool_choice: "none",
    max_completion_tokens: 24 });
  note(second.usage);
  expect(second.usage.prompt_tokens_details.cached_tokens > 0, "the call was not read again");
}

async function useSchema(api) {
  const answer = await api.chat.completions.parse({ model, messages: side, max_completion_tokens: 200,
    response_format: { type: "json_schema", json_schema: { name: "person", schema: PERSON, strict: true } } });
  note(answer.usage);
  expectPerson(JSON.parse(answer.choices[0].message.content));
}

async function tell(url) {
  const api = connect(url);
  const messages = [{ role: "system", content: SYSTEM }, { role: "user", content: TELL }];
  const answer = await api.chat.completions.create({ model, messages, max_completion_tokens: 40 });
  note(answer.usage);
  messages.push(answer.choices[0].message, { role: "user", content: ASK });
  const streamed = await stream(api, messages);
  expectFact(streamed, "at once");
  messages.push({ role: "assistant", content: streamed });
  await useTool(api);
  await useSchema(api);
  return messages;
}

async function ask(url, messages) {
  expectFact(await stream(connect(url), [...messages, { role: "user", content: ASK }]), "after the restart");
}

await main(tell, ask);
