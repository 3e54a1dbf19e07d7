/** Runs a client's commands against a registry, and notes what can be compared with another one. */
import { sha256 } from "../bytes.ts";
import {
  type Client,
  type ClientName,
  type ClientResult,
  openClient,
  type RunOptions,
  type Target,
} from "../peers/clients.ts";
import { writeSampleLayout } from "../peers/sample_layout.ts";
import { BEFORE, COMMANDS, NOTE, type Words } from "./commands.ts";

/** What a command did. */
interface Done {
  /** The command as it stands in the table. */
  line: string;
  /** The exit code. */
  code: number;
  /** Standard output, without what differs from run to run; of bytes that are no text the digest. */
  said: string;
  /** Standard error, for messages. */
  stderr: string;
}

/** What a client's session did. */
interface Session {
  /** Its commands. */
  done: Done[];
  /** What it wrote to its folder, with digests: `pulled/oci-layout sha256:…`. */
  files: string[];
}

/**
 * Standard output whose lines come in no order: the client works on several things at once, or lists
 * referrers, which the specification leaves in the registry's own order.
 */
const UNORDERED: Partial<Record<ClientName, RegExp>> = {
  oras: /^(copy|pull|tag|discover) /,
  regctl: /^(image copy|artifact list|artifact tree) /,
};

/** Logs a client in, where that is asked for, and runs all its commands. */
export async function runSession(name: ClientName, target: Target): Promise<Session> {
  const client = await openClient(name);
  try {
    const { home } = client;
    if (target.credentials !== undefined) await client.login(target);
    const words = await prepare(target, home);
    const done: Done[] = [];
    for (const { line, stdin } of COMMANDS[name]) {
      const result = await run(client, line, words, stdin === undefined ? {} : { stdin });
      const said = normalise(result.stdout, words);
      done.push({
        line,
        code: result.code,
        said: UNORDERED[name]?.test(line) ? sorted(said) : said,
        stderr: normalise(result.stderr, words),
      });
    }
    return { done, files: await filesIn(`${home}/out`) };
  } finally {
    await client.close();
  }
}

/** Runs one command, with nothing before it. */
export async function runCommand(
  client: Client,
  line: string,
  target: Target,
): Promise<ClientResult> {
  return await run(client, line, await prepare(target, client.home), {});
}

async function run(
  client: Client,
  line: string,
  words: Words,
  options: RunOptions,
): Promise<ClientResult> {
  const args = (BEFORE[client.name] + line).split(" ").map((part) => fill(part, words));
  return await client.run(args, options);
}

/** Writes what the commands read into a client's home. */
async function prepare({ host }: Target, home: string): Promise<Words> {
  await Deno.mkdir(`${home}/out`, { recursive: true });
  await Deno.writeTextFile(`${home}/note.txt`, NOTE);
  const sample = await writeSampleLayout(`${home}/layout`);
  return {
    HOST: host,
    LAYOUT: sample.folder,
    OUT: `${home}/out`,
    INDEX: sample.index.digest,
    IMAGE: sample.manifests[0]!.digest,
    LAYER: sample.blobs[0]!.digest,
    NOTE: sha256(new TextEncoder().encode(NOTE)),
    NOWHERE: `sha256:${"0123456789abcdef".repeat(4)}`,
  };
}

function fill(text: string, words: Words): string {
  return text.replace(/[A-Z]{3,}/g, (word) => words[word as keyof Words] ?? word);
}

function normalise(text: string, { HOST, LAYOUT, OUT }: Words): string {
  if (text.includes("\0")) return sha256(new TextEncoder().encode(text));
  return text
    .replaceAll(HOST, "HOST")
    .replaceAll(OUT, "OUT")
    .replaceAll(LAYOUT, "LAYOUT")
    .replace(/^Date: .*$/m, "Date")
    // What only one of the two says, of its connection and to browsers.
    .replace(
      /^(?:Connection|Content-Security-Policy|Keep-Alive|X-Content-Type-Options): .*\n?/gm,
      "",
    )
    .trim();
}

/** The lines in order, without what their place has put there: commas, and the twigs of a tree. */
function sorted(text: string): string {
  return text.split("\n").map((line) => line.replace(/[├└│─]/g, " ").replace(/,$/, "").trim())
    .sort().join("\n");
}

/**
 * Every file below a folder, with its digest. The index of a layout stands there itself: regctl
 * writes the time into it, and oras the manifests in the order in which they came.
 */
async function filesIn(folder: string, path = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${path}`)) {
    const inner = path === "" ? name : `${path}/${name}`;
    if (isDirectory) files.push(...await filesIn(folder, inner));
    else if (name === "index.json") files.push(await layoutIndex(`${folder}/${inner}`));
    else files.push(`${inner} ${sha256(await Deno.readFile(`${folder}/${inner}`))}`);
  }
  return files.sort();
}

async function layoutIndex(file: string): Promise<string> {
  const { manifests } = JSON.parse(await Deno.readTextFile(file));
  const entries: string[] = manifests.map((entry: unknown) => JSON.stringify(entry));
  const created = /"org\.opencontainers\.image\.created":"[^"]*",?/;
  return `index.json ${entries.map((entry) => entry.replace(created, "")).sort().join(" ")}`;
}
