/** davit breaks no duty: in every scenario of the grading registry, in memory. */
import { assertEquals } from "@std/assert";
import { MemoryBackend } from "@davit/registry-client/server";
import {
  createTestRegistry,
  grade,
  GRADE_SCENARIOS,
  GRADE_USER,
  type GradeReport,
  mergeGrades,
} from "@davit/registry-client/testing";
import { type SampleLayout, writeSampleLayout } from "../peers/sample_layout.ts";
import { DAVIT_ACTS, type DavitSetting, seed } from "./davit_acts.ts";

const LAYER_BYTES = 64 * 1024;

/** Scenarios in which a client that does right cannot succeed. */
const FAIL = [
  ...["pull-corrupt-manifest", "pull-corrupt-tag", "pull-corrupt-blob", "pull-deny", "pull-realm"],
  ...["tags-foreign", "abandon"],
];

async function shorten({ folder, blobs }: SampleLayout): Promise<void> {
  const largest = blobs.reduce((a, b) => a.size > b.size ? a : b);
  await Deno.truncate(`${folder}/blobs/${largest.digest.replace(":", "/")}`, largest.size >> 1);
}

async function layouts(
  folder: string,
): Promise<Pick<DavitSetting, "seeded" | "layout" | "broken">> {
  const [seeded, layout, broken] = await Promise.all([
    writeSampleLayout(`${folder}/seeded`, LAYER_BYTES),
    writeSampleLayout(`${folder}/layout`, 2 * LAYER_BYTES),
    writeSampleLayout(`${folder}/broken`, 3 * LAYER_BYTES),
  ]);
  await shorten(broken);
  return { seeded: seeded.folder, layout: layout.folder, broken: broken.folder };
}

Deno.test("grade: davit breaks no duty, and every duty is seen", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "davit_grade_" });
  const files = await layouts(folder);
  const reports: GradeReport[] = [];
  for (const { name, task, registry: scenario, options: grading } of GRADE_SCENARIOS) {
    await t.step(`${name}: ${task}`, async () => {
      const options = { ...scenario, backend: new MemoryBackend() };
      const seeding = createTestRegistry(options);
      const known = {
        ...files,
        folder,
        host: "registry.test",
        ...(options.auth && { credentials: GRADE_USER }),
      };
      const attachment = await seed({ ...known, fetch: seeding.fetch as typeof fetch });
      const { registry, ended, report } = grade(options, grading);
      const setting = { ...known, attachment, fetch: registry.fetch as typeof fetch };
      const failure = await DAVIT_ACTS[task]!(setting).then(() => undefined, (error) => error);
      assertEquals(failure !== undefined, FAIL.includes(name), String(failure));
      ended(failure === undefined ? "succeeded" : "failed");
      reports.push(report());
    });
  }
  await Deno.remove(folder, { recursive: true });
  const { results } = mergeGrades(...reports);
  const seen = (wanted: string) =>
    results.filter(({ verdict }) => verdict === wanted).map(({ id, evidence }) => [id, evidence]);
  assertEquals(seen("broken"), []);
  assertEquals(seen("not seen"), []);
});
