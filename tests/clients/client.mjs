// What all JavaScript clients share: the conversation that is held, and how what came of it is told.
import { readFileSync, writeFileSync } from "node:fs";

export const SYSTEM =
  "You are a technical specialist for the archive. You answer briefly and remember what you are told. " +
  "When you do not know something, you say so.";
export const TELL = "Remember that the owner of the archive is Nora.";
export const ASK = "What is the owner of the archive?";
export const FACT = "Nora";
export const WEATHER = {
  name: "get_weather",
  description: "The weather of a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string", maxLength: 12 }, days: { type: "integer" } },
    required: ["city", "days"],
    additionalProperties: false,
  },
};
export const PERSON = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 }, count: { type: "integer" } },
  required: ["name", "count"],
  additionalProperties: false,
};

export function told(prompt, cached, completion) {
  console.log(JSON.stringify({ prompt, cached: cached ?? 0, completion }));
}

export function expect(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}

export function expectWeatherCall(name, args) {
  expect(name === "get_weather", `the tool that is called is get_weather, not ${name}`);
  const right = typeof args.city === "string" && Number.isInteger(args.days) && Object.keys(args).length === 2;
  expect(right, `the call has both arguments, of their types: ${JSON.stringify(args)}`);
}

export function expectPerson(person) {
  const right = typeof person.name === "string" && Number.isInteger(person.count) && Object.keys(person).length === 2;
  expect(right, `the schema is kept: ${JSON.stringify(person)}`);
}

export function expectFact(text, when) {
  expect(text.includes(FACT), `the fact is known ${when}: ${text}`);
}

// `tell` returns what the client keeps of the conversation; `ask` gets it in another process.
export async function main(tell, ask) {
  const [phase, url, state] = process.argv.slice(2);
  if (phase === "tell") writeFileSync(state, JSON.stringify(await tell(url)));
  else await ask(url, JSON.parse(readFileSync(state, "utf8")));
}
