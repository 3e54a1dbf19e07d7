/**
 * Chainloop's extension `oci-registry`, with Chainloop's own commands: registers a repository, attaches
 * it to a workflow, sends attestations. What stays between them is in a file (`--state`) that only its
 * owner can read, the password too. Repositories that Amazon ECR misses are made on the way.
 *
 *     deno run --allow-net --allow-read=. --allow-write=. --allow-env=AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,AWS_SESSION_TOKEN examples/chainloop.ts integration registered add oci-registry --opt repository=ghcr.io/you/attestations --opt username=you --password-stdin
 */
import { ensureEcrRepository } from "@davit/registry-client/auth";
import {
  attachmentSchema,
  type ChainloopOptions,
  EXTENSION,
  type InputSchema,
  openRegistration,
  register,
  registrationSchema,
} from "@davit/registry-client/chainloop";
import { runProgram, UsageError } from "../scripts/run_program.ts";

const USAGE = `usage: chainloop COMMAND

  integration available describe oci-registry
  integration registered add oci-registry --opt KEY=VALUE… [--name NAME] [--password-stdin]
  integration attached add --workflow WORKFLOW --integration ID [--project PROJECT] [--opt prefix=PREFIX]
  attestation push --attachment ID [FILE|-]

  --state FILE      what stays between commands (chainloop.json)
  -o table|json     how answers are printed
  -q                print identifiers alone`;

/** What stays between commands. */
interface State {
  registrations: Record<
    string,
    { name: string; repository: string; username: string; password: string }
  >;
  attachments: Record<
    string,
    { integration: string; workflow: string; project: string; prefix: string }
  >;
}

/** A command line. */
interface Words {
  words: string[];
  /** The values of each option; those of `--opt` may be secrets. */
  options: Map<string, string[]>;
}

const VALUED = ["opt", "name", "workflow", "integration", "project", "attachment", "state", "o"];
const FLAGS = ["password-stdin", "q"];

function parse(args: string[]): Words {
  const words: string[] = [];
  const options = new Map<string, string[]>();
  for (let at = 0; at < args.length; at++) {
    const [, name, given] = /^--?([a-z][a-z-]*)(?:=([^]*))?$/.exec(args[at]!) ?? [];
    if (name === undefined) {
      words.push(args[at]!);
      continue;
    }
    const valued = VALUED.includes(name);
    if (!valued && !FLAGS.includes(name)) throw new UsageError(`unknown option: --${name}`);
    const value = valued ? given ?? args[++at] : "";
    if (value === undefined) throw new UsageError(`--${name} needs a value`);
    const values = options.get(name) ?? [];
    if (values.length > 0 && name !== "opt") throw new UsageError(`--${name} is there twice`);
    options.set(name, [...values, value]);
  }
  return { words, options };
}

/** The fields of a schema as Chainloop's page shows them: a Markdown table. */
function schemaTable({ properties, required = [] }: InputSchema): string {
  const rows = Object.entries(properties).sort(([one], [other]) => one < other ? -1 : 1)
    .map(([name, { type, description }]) =>
      `|${name}|${type}|${required.includes(name) ? "yes" : "no"}|${description}|`
    );
  return ["|Field|Type|Required|Description|", "|---|---|---|---|", ...rows].join("\n");
}

/** The values of `--opt`, as a schema wants them. */
function optsOf(schema: InputSchema, given: string[], more: Record<string, string> = {}) {
  const refuse = (problem: string) => new UsageError(`${problem}\n\n${schemaTable(schema)}`);
  const opts = new Map(Object.entries(more));
  for (const opt of given) {
    const at = opt.indexOf("=");
    const key = at < 0 ? opt : opt.slice(0, at);
    if (!Object.hasOwn(schema.properties, key)) throw refuse(`unknown --opt: ${key}`);
    if (opts.has(key)) throw refuse(`--opt ${key} is there twice`);
    if (at < 0 || at + 1 === opt.length) throw refuse(`--opt ${key} is empty`);
    opts.set(key, opt.slice(at + 1));
  }
  const missing = (schema.required ?? []).filter((key) => !opts.has(key));
  if (missing.length > 0) {
    const hint = given.length > 0
      ? ""
      : '\nno --opt was given: a comment in the line behind "\\" ends the command in a shell';
    throw refuse(`missing --opt: ${missing.join(", ")}${hint}`);
  }
  return Object.fromEntries(opts);
}

/** Amazon's repositories must be there before something is pushed to them. */
const OPTIONS: ChainloopOptions = {
  onMissingRepository: async (name) => {
    if (/^\d{12}\.dkr\.ecr\./.test(name)) await ensureEcrRepository(name);
  },
};

async function readState(file: string): Promise<State> {
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { registrations: {}, attachments: {} };
  }
}

/** Writes the state anew, so that nobody else can read it, whatever the file was before. */
async function writeState(file: string, state: State): Promise<void> {
  const next = `${file}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(next, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  await Deno.rename(next, file);
}

async function standardInput(): Promise<string> {
  return await new Response(Deno.stdin.readable).text();
}

/** What a command answers: fields to print, of which the first one identifies it. */
type Answer = [string, string][];

function print(answer: Answer, { options }: Words): void {
  const [format = "table"] = options.get("o") ?? [];
  if (options.has("q")) console.log(answer[0]![1]);
  else if (format === "json") console.log(JSON.stringify(Object.fromEntries(answer)));
  else {
    const width = Math.max(...answer.map(([name]) => name.length));
    for (const [name, value] of answer) console.log(`${name.padEnd(width)}  ${value}`);
  }
}

function needed({ options }: Words, name: string): string {
  const [value = ""] = options.get(name) ?? [];
  if (value === "") throw new UsageError(`--${name} is missing`);
  return value;
}

/** Takes the extension's name off the words that are left. */
function checkExtension(name: string | undefined): void {
  if (name === EXTENSION.id) return;
  throw new UsageError(`unknown extension: ${name ?? "none was named"}; there is ${EXTENSION.id}`);
}

function describe([name]: string[]): void {
  checkExtension(name);
  const { id, version, description } = EXTENSION;
  console.log(`${id} ${version}: ${description}

Registration Input Schema

${schemaTable(registrationSchema)}

Attachment Input Schema

${schemaTable(attachmentSchema)}`);
}

async function addRegistration([name]: string[], state: State, { options }: Words) {
  checkExtension(name);
  const fromInput = options.has("password-stdin")
    ? { password: (await standardInput()).replace(/\r?\n$/, "") }
    : undefined;
  if (fromInput?.password === "") throw new UsageError("standard input holds no password");
  const { repository, username, password } = optsOf(
    registrationSchema,
    options.get("opt") ?? [],
    fromInput,
  ) as { repository: string; username: string; password: string };
  await register({ repository, username, password }, OPTIONS);
  const id = crypto.randomUUID();
  const [given = id] = options.get("name") ?? [];
  state.registrations[id] = { name: given, repository, username, password };
  return [["id", id], ["name", given], ["kind", EXTENSION.id], ["repository", repository]];
}

function openState(state: State, id: string) {
  const registration = state.registrations[id];
  if (registration === undefined) throw new UsageError(`there is no integration ${id}`);
  const { repository, username, password } = registration;
  return openRegistration({ repository }, { username, password }, OPTIONS);
}

function addAttachment(_rest: string[], state: State, words: Words) {
  const workflow = needed(words, "workflow");
  const integration = needed(words, "integration");
  const [project = ""] = words.options.get("project") ?? [];
  const request = optsOf(attachmentSchema, words.options.get("opt") ?? []);
  const { prefix } = openState(state, integration).attach(request).state;
  const id = crypto.randomUUID();
  state.attachments[id] = { integration, workflow, project, prefix };
  return [["id", id], ["integration", integration], ["workflow", workflow], ["prefix", prefix]];
}

async function push([file = "-"]: string[], state: State, words: Words) {
  const id = needed(words, "attachment");
  const attachment = state.attachments[id];
  if (attachment === undefined) throw new UsageError(`there is no attachment ${id}`);
  const { integration, prefix } = attachment;
  const text = file === "-" ? await standardInput() : await Deno.readTextFile(file);
  const place = openState(state, integration).attach({ prefix });
  const { digest, artifact } = await place.send(JSON.parse(text));
  const { fileName, size } = artifact;
  const stored = `sha256:${artifact.digest}`;
  return [["digest", stored], ["image", digest], ["file", fileName], ["size", String(size)]];
}

const COMMANDS = {
  "integration registered add": addRegistration,
  "integration attached add": addAttachment,
  "attestation push": push,
};

async function main(args: string[]): Promise<void> {
  const words = parse(args);
  const line = words.words.join(" ");
  const [format = "table"] = words.options.get("o") ?? [];
  if (!["table", "json"].includes(format)) throw new UsageError(`-o is table or json: ${format}`);
  const available = "integration available describe";
  if (line.startsWith(available)) return describe(words.words.slice(3));
  for (const [command, run] of Object.entries(COMMANDS)) {
    if (line !== command && !line.startsWith(`${command} `)) continue;
    const [file = "chainloop.json"] = words.options.get("state") ?? [];
    const state = await readState(file);
    const rest = words.words.slice(command.split(" ").length);
    const answer = await run(rest, state, words) as Answer;
    if (run !== push) await writeState(file, state);
    return print(answer, words);
  }
  throw new UsageError(USAGE);
}

await runProgram(USAGE, async (...args) => {
  try {
    await main(args);
  } catch (error) {
    // What went wrong on the way says more than during what it did.
    const { message, cause } = error as Error;
    if (error instanceof UsageError || !(cause instanceof Error)) throw error;
    throw new Error(`${message}: ${cause.message}`);
  }
});
