/** Several clients that attach to one subject at once, where the list is a tag that each rewrites. */
import { assertEquals } from "@std/assert";
import type { Middleware } from "../../server/mod.ts";
import type { PresetName } from "../../testing/mod.ts";
import { inFakeTime } from "./fake_time.ts";
import { image, pushImage, referrersOf } from "./verbs.ts";
import { inWorld } from "./world.ts";

/** Without a referrers API; GitLab's answers the fallback tag with the subject itself. */
const TAGGED: PresetName[] = ["dockerHub", "ghcr", "gitlab", "distribution3"];

/** As long as a request to a registry near by takes. */
const LATENCY_MS = 10;

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Writes take longer: one that began before another's end may land after the look at that one. */
const slow: Middleware = (next) => async (context) => {
  await wait(context.request.method === "PUT" ? 3 * LATENCY_MS : LATENCY_MS);
  return await next(context);
};

for (const preset of TAGGED) {
  for (const [clients, each] of [[1, 4], [2, 1], [2, 4], [3, 2]] as const) {
    Deno.test(`preset ${preset}: ${clients} client(s) attach ${each} each, and none is lost`, () =>
      inFakeTime(() =>
        inWorld(preset, "memory", async ({ client, stranger }) => {
          const subject = await pushImage(client, "subject");
          const all = [client, stranger(), stranger()].slice(0, clients);
          const referrers = await Promise.all(
            all.flatMap((by) =>
              Array.from({ length: each }, async () => {
                const { bytes, descriptor } = await image(by, { subject });
                return { by, bytes, digest: descriptor.digest };
              })
            ),
          );
          await Promise.all(
            referrers.map(async ({ by, bytes, digest }) => {
              await wait(2.5 * LATENCY_MS * all.indexOf(by));
              await by.putManifest({ manifestData: bytes, ref: digest });
            }),
          );
          const expected = referrers.map(({ digest }) => digest).sort();
          assertEquals(await referrersOf(client, subject), expected);
        }, { middleware: [slow] })
      ));
  }
}
