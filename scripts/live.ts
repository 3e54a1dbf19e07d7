/**
 * `task live -- REPOSITORY`: does everything that davit can do with a real repository, under scratch
 * tags that are deleted again, and writes down what was said, without secrets, as a tape that
 * `createTestRegistry({ tape })` replays. Credentials are what `docker login` left.
 *
 * `--tape FILE` says where the tape goes; `--anonymous` uses no credentials.
 */
import { dockerCredentials } from "../auth/mod.ts";
import { type ApiError, NotFoundError, type RegistryClientOpts, RegistryClientV2 } from "../mod.ts";
import { record } from "../testing/mod.ts";
import { cleanUp, type Scratch, VERBS } from "./live/verbs.ts";
import { runProgram, UsageError } from "./run_program.ts";
import { say } from "./say.ts";

interface LiveReport {
  /** "ok", a code, or a failure's words, by verb. */
  outcomes: Record<string, string>;
  /** Everything that was said, without secrets. */
  tape: unknown;
  /** The tags that could not be deleted. */
  left: string[];
}

/** Not davit's fault: the registry does not have it. */
const NOT_HERE = ["ok", "UNSUPPORTED"];

async function outcome(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return "ok";
  } catch (error) {
    const { code, message } = error as ApiError;
    return code === "UNSUPPORTED" ? code : `${code ?? "FAILED"}: ${message}`;
  }
}

/** Runs every verb on a repository, and cleans up. */
export async function live(
  name: string,
  options: Partial<RegistryClientOpts>,
  tell: (verb: string, outcome: string) => void = () => {},
): Promise<LiveReport> {
  const recording = record(options.fetch ?? fetch);
  const client = new RegistryClientV2({
    ...options,
    name,
    scopes: ["pull", "push"],
    fetch: recording.fetch as typeof fetch,
  });
  const prefix = `davit-live-${crypto.randomUUID().slice(0, 8)}`;
  const scratch: Scratch = { client, prefix, manifests: [], tags: [], blobs: [] };
  const outcomes: Record<string, string> = {};
  for (const [verb, run] of Object.entries(VERBS)) {
    outcomes[verb] = await outcome(() => run(scratch));
    tell(verb, outcomes[verb]);
  }
  const deleted = await cleanUp(scratch, outcome);
  for (const [verb, said] of Object.entries(deleted)) tell(verb, said);
  Object.assign(outcomes, deleted);
  const there = await client.listTags().catch((error) => {
    if (error instanceof NotFoundError) return { tags: [] }; // the repository went with its content
    return { tags: scratch.tags };
  });
  const left = scratch.tags.filter((tag) => there.tags.includes(tag));
  return { outcomes, tape: await recording.tape(), left };
}

async function main(...flags: string[]): Promise<number> {
  const anonymous = flags.includes("--anonymous");
  const at = flags.indexOf("--tape");
  const file = at < 0 ? undefined : flags[at + 1];
  const [name, ...more] = flags.filter((flag, index) =>
    !flag.startsWith("--") && (at < 0 || index !== at + 1)
  );
  if (name === undefined || more.length > 0 || (at >= 0 && file === undefined)) {
    throw new UsageError(HELP.split("\n")[0]);
  }
  const credentials = anonymous ? {} : { credentials: dockerCredentials() };
  const { outcomes, tape, left } = await live(name, credentials, (verb, said) => {
    say(`${verb.padEnd(28)}  ${said}`);
  });
  const path = file ?? `live-${name.replaceAll(/[^a-z0-9.]+/gi, "-")}.json`;
  await Deno.writeTextFile(path, `${JSON.stringify(tape, null, 2)}\n`);
  say(`\nWhat was said is in ${path}, without secrets; look at it before you send it to anybody.`);
  if (left.length > 0) say(`This registry keeps its tags: remove ${left.join(", ")} yourself.`);
  return Object.values(outcomes).every((said) => NOT_HERE.includes(said)) ? 0 : 1;
}

const HELP = `usage: task live -- REPOSITORY [--tape FILE] [--anonymous]

Does everything that davit can do with a real repository, under scratch tags that are deleted again,
with what "docker login" left, and writes down what was said, without secrets.`;

if (import.meta.main) await runProgram(HELP, main);
