/**
 * A program that uses the client as options say, on whichever runtime runs it: `hosts_client <file>`,
 * the file a list of {@linkcode Act}s in JSON. Prints a list of {@linkcode Outcome}s.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { type RegistryClientOpts, RegistryClientV2 } from "../../mod.ts";

/** What one client is made with. */
export interface Act {
  /** The client's options. */
  options: RegistryClientOpts;
}

/** What came of it. */
export interface Outcome {
  /** What the error said, where there was one. */
  error?: Record<string, unknown>;
  /** Everything that printing the error, and the events, would show. */
  shown: string;
  /** How often a request was sent again. */
  retries: number;
}

/** More than any runtime sends at once; small enough for many runs. */
const SIZE = 1_500_000;

async function everything(client: RegistryClientV2): Promise<void> {
  const bytes = new Uint8Array(SIZE).fill(7);
  const sized = await client.putBlob({ size: SIZE, open: () => new Blob([bytes]).stream() });
  const unsized = await client.putBlob(new Blob([bytes.fill(8)]).stream());
  await client.putBlob(bytes.fill(9));
  for (const { digest } of [sized, unsized]) {
    const got = await (await client.getBlob(digest)).bytes();
    if (got.byteLength !== SIZE) throw new Error(`pulled ${got.byteLength} bytes`);
  }
}

async function run({ options }: Act): Promise<Outcome> {
  const shown: unknown[] = [];
  let retries = 0;
  let client: RegistryClientV2 | undefined;
  try {
    client = new RegistryClientV2({
      retry: { minDelay: 1, maxDelay: 2 },
      limits: { responseTimeout: 60_000 },
      ...options,
      onEvent(event) {
        shown.push(event);
        if (event.type === "retry") retries++;
      },
    });
    await everything(client);
    return { shown: JSON.stringify(shown), retries };
  } catch (error) {
    const { name, message, stack, cause } = error as Error;
    shown.push(stack, (cause as Error)?.stack, (cause as Error)?.message, { ...(error as Error) });
    return { error: { ...(error as Error), name, message }, shown: JSON.stringify(shown), retries };
  } finally {
    client?.close();
  }
}

const acts: Act[] = JSON.parse(await readFile(process.argv[2]!, "utf8"));
const outcomes: Outcome[] = [];
for (const act of acts) outcomes.push(await run(act));
console.log(JSON.stringify(outcomes));
