// The official OpenAI SDK for JavaScript, with Responses and a Conversation: the server holds the history. Its stream
// helper is strict about the order of events.
import OpenAI from "openai";
import { ASK, PERSON, SYSTEM, TELL, WEATHER, expect, expectFact, expectPerson, expectWeatherCall, main, told }
  from "./client.mjs";

const model = "kvasir";
const instructions = SYSTEM;

const connect = (url) => new OpenAI({ baseURL: `${url}/agents/archivist/v1`, apiKey: "none", maxRetries: 0 });
const note = (usage) => told(usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens);

async function stream(api, request) {
  const runner = api.responses.stream({ model, instructions, max_output_tokens: 40, ...request });
  const types = [];
  let completed;
  for await (const event of runner) {
    types.push(event.type);
    expect(event.sequence_number === types.length - 1, `events are numbered without a gap: ${types}`);
    if (event.type === "response.completed" || event.type === "response.incomplete") completed = event.response;
  }
  const final = await runner.finalResponse();
  expect(types[0] === "response.created" && types[1] === "response.in_progress", `it begins as it must: ${types}`);
  expect(JSON.stringify(final.output.map((item) => item.id)) === JSON.stringify(completed.output.map((item) => item.id)),
    "the snapshot has the items of the end");
  note(completed.usage);
  return final;
}

async function useTool(api) {
  const tools = [{ type: "function", strict: true, ...WEATHER }, { type: "web_search" }];
  const runner = api.responses.stream({ model, input: "What is the weather in Oslo?", tools, tool_choice: "required",
    max_output_tokens: 400, parallel_tool_calls: false });
  const first = await runner.finalResponse();
  note(first.usage);
  const calls = first.output.filter((item) => item.type === "function_call");
  expect(calls.length === 1, `there is one call: ${JSON.stringify(first.output)}`);
  expectWeatherCall(calls[0].name, JSON.parse(calls[0].arguments));
  // As a client that keeps its history itself does: everything is sent again, in other layout.
  const call = { ...calls[0], arguments: JSON.stringify(JSON.parse(calls[0].arguments), null, 2) };
  const input = [{ role: "user", content: "What is the weather in Oslo?" },
    ...first.output.filter((item) => item.type === "message"), call,
    { type: "function_call_output", call_id: call.call_id, output: "4 degrees, rain" }];
  const second = await api.responses.create({ model, input, tools, tool_choice: "none", max_output_tokens: 24,
    store: false });
  note(second.usage);
  expect(second.usage.input_tokens_details.cached_tokens >= first.usage.total_tokens - 1, "the call was not read again");
}

async function useSchema(api) {
  const answer = await api.responses.parse({ model, input: "Who?", max_output_tokens: 200,
    text: { format: { type: "json_schema", name: "person", schema: PERSON, strict: true } } });
  note(answer.usage);
  expectPerson(JSON.parse(answer.output_text));
}

async function useConversation(api) {
  const conversation = await api.conversations.create({ items: [{ type: "message", role: "user", content: TELL }] });
  note((await api.responses.create({ model, conversation: conversation.id, input: ASK, max_output_tokens: 24 })).usage);
  return conversation.id;
}

async function tell(url) {
  const api = connect(url);
  const first = await api.responses.create({ model, instructions, input: TELL, max_output_tokens: 40 });
  note(first.usage);
  const second = await stream(api, { input: ASK, previous_response_id: first.id });
  expectFact(second.output_text, "at once");
  await useTool(api);
  await useSchema(api);
  return { response: second.id, conversation: await useConversation(api) };
}

async function ask(url, kept) {
  const api = connect(url);
  expectFact((await stream(api, { input: ASK, previous_response_id: kept.response })).output_text, "after the restart");
  note((await api.responses.create({ model, conversation: kept.conversation, input: ASK, max_output_tokens: 24 })).usage);
  const items = [];
  for await (const item of api.conversations.items.list(kept.conversation, { order: "asc" })) items.push(item);
  expect(items.length === 5, `the conversation has gone on: ${items.length}`);
}

await main(tell, ask);
