// LangChain for JavaScript, through both protocols.
import { ChatAnthropic } from "@langchain/anthropic";
import { AIMessage, HumanMessage, SystemMessage, mapChatMessagesToStoredMessages, mapStoredMessagesToChatMessages }
  from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { ASK, PERSON, SYSTEM, TELL, WEATHER, expectFact, expectPerson, expectWeatherCall, main, told }
  from "./client.mjs";

const side = [new SystemMessage(SYSTEM), new HumanMessage("What is the weather in Oslo?")];

const models = (url) => ({
  openai: new ChatOpenAI({ model: "kvasir", apiKey: "none", maxRetries: 0, temperature: 0, maxTokens: 400,
    streamUsage: true, configuration: { baseURL: `${url}/agents/chain/v1` } }),
  anthropic: new ChatAnthropic({ model: "kvasir", apiKey: "none", maxRetries: 0, temperature: 0, maxTokens: 400,
    anthropicApiUrl: `${url}/agents/other-chain` }),
});

function note(message) {
  const usage = message.usage_metadata;
  told(usage.input_tokens, usage.input_token_details?.cache_read, usage.output_tokens);
}

async function stream(model, messages) {
  let whole;
  for await (const chunk of await model.stream(messages)) whole = whole === undefined ? chunk : whole.concat(chunk);
  note(whole);
  return whole.text;
}

async function useTool(model) {
  const tool = { type: "function", function: WEATHER };
  const answer = await model.bindTools([tool], { tool_choice: "any" }).invoke(side);
  note(answer);
  expectWeatherCall(answer.tool_calls[0].name, answer.tool_calls[0].args);
}

async function useSchema(model) {
  const schema = { title: "person", ...PERSON };
  const answer = await model.withStructuredOutput(schema, { method: "jsonSchema", includeRaw: true }).invoke(side);
  note(answer.raw);
  expectPerson(answer.parsed);
}

async function tell(url) {
  const kept = {};
  for (const [name, model] of Object.entries(models(url))) {
    const messages = [new SystemMessage(SYSTEM), new HumanMessage(TELL)];
    const answer = await model.invoke(messages);
    note(answer);
    messages.push(new AIMessage(answer.text), new HumanMessage(ASK));
    const streamed = await stream(model, messages);
    expectFact(streamed, "at once");
    await useTool(model);
    kept[name] = mapChatMessagesToStoredMessages([...messages, new AIMessage(streamed)]);
  }
  await useSchema(models(url).openai);
  return kept;
}

async function ask(url, kept) {
  for (const [name, model] of Object.entries(models(url))) {
    const messages = [...mapStoredMessagesToChatMessages(kept[name]), new HumanMessage(ASK)];
    expectFact(await stream(model, messages), "after the restart");
  }
}

await main(tell, ask);
