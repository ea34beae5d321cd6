// The Vercel AI SDK, through both protocols.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, jsonSchema, streamText, tool } from "ai";
import { ASK, PERSON, SYSTEM, TELL, WEATHER, expectFact, expectPerson, expectWeatherCall, main, told }
  from "./client.mjs";

const models = (url) => ({
  openai: createOpenAICompatible({ name: "kvasir", baseURL: `${url}/agents/sdk/v1`, includeUsage: true,
    supportsStructuredOutputs: true })("kvasir"),
  anthropic: createAnthropic({ baseURL: `${url}/agents/other-sdk/v1`, apiKey: "none" })("kvasir"),
});
const settings = { system: SYSTEM, temperature: 0, maxOutputTokens: 400, maxRetries: 0 };
const side = "What is the weather in Oslo?";

const note = (usage) =>
  told(usage.inputTokens, usage.inputTokenDetails?.cacheReadTokens ?? usage.cachedInputTokens, usage.outputTokens);

async function stream(model, messages) {
  const result = streamText({ model, messages, ...settings });
  let text = "";
  for await (const piece of result.textStream) text += piece;
  note(await result.usage);
  return text;
}

async function useTool(model) {
  const tools = { get_weather: tool({ description: WEATHER.description, inputSchema: jsonSchema(WEATHER.parameters) }) };
  const answer = await generateText({ model, prompt: side, tools, toolChoice: "required", ...settings });
  note(answer.usage);
  expectWeatherCall(answer.toolCalls[0].toolName, answer.toolCalls[0].input);
}

async function useSchema(model) {
  const output = Output.object({ schema: jsonSchema(PERSON) });
  const answer = await generateText({ model, prompt: side, output, ...settings });
  note(answer.usage);
  expectPerson(answer.output);
}

async function tell(url) {
  const kept = {};
  for (const [name, model] of Object.entries(models(url))) {
    const messages = [{ role: "user", content: TELL }];
    const answer = await generateText({ model, messages, ...settings });
    note(answer.usage);
    messages.push({ role: "assistant", content: answer.text }, { role: "user", content: ASK });
    const streamed = await stream(model, messages);
    expectFact(streamed, "at once");
    await useTool(model);
    kept[name] = [...messages, { role: "assistant", content: streamed }];
  }
  await useSchema(models(url).openai);
  return kept;
}

async function ask(url, kept) {
  for (const [name, model] of Object.entries(models(url))) {
    expectFact(await stream(model, [...kept[name], { role: "user", content: ASK }]), "after the restart");
  }
}

await main(tell, ask);
