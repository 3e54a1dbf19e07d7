/** A case of a rule: what a client does that keeps it, and what one does that breaks it. */
import { assertEquals } from "@std/assert";
import { MemoryBackend } from "@davit/registry-client/server";
import {
  createTestRegistry,
  grade,
  type GradeOutcome,
  type GradeProvocation,
  type GradeResult,
  type TestRegistryOptions,
} from "@davit/registry-client/testing";
import { Hand } from "./by_hand.ts";

/** What a run has to work with. */
export interface Run {
  /** A hand on the registry that grades. */
  hand: Hand;
  /** What the seed made. */
  seed: Seeded;
  /** Turns the clock, in milliseconds. */
  wait(milliseconds: number): void;
}

/** An image that is there before the client comes. */
interface Seeded {
  /** Its manifest's digest. */
  digest: string;
  /** Its layer's. */
  layer: string;
  /** Its manifest's size. */
  size: number;
}

/** One client: what it does, and how its run ends where that is said. */
type Client = ((run: Run) => Promise<unknown>) | {
  /** What it does. */
  run: (run: Run) => Promise<unknown>;
  /** How it ends. */
  outcome: GradeOutcome;
};

/** A rule's case. */
export interface RuleCase {
  /** The rule. */
  rule: string;
  /** What is special, where a rule has several cases. */
  what?: string;
  /** The registry. */
  registry?: TestRegistryOptions;
  /** What it provokes. */
  provoke?: GradeProvocation[];
  /** A client that keeps it. */
  right?: Client;
  /** One that breaks it, and what the evidence says. */
  wrong?: Client;
  /** What the evidence says of the wrong one. */
  evidence?: string;
  /** One of which nothing can be said. */
  unseen?: Client;
}

/** A registry where the user `me` must log in. */
export const LOGIN: TestRegistryOptions = { auth: { bearer: { users: { me: "a password" } } } };

/** Runs a client against a grading registry. */
async function gradeOf(
  { rule, registry = {}, provoke = [] }: RuleCase,
  client: Client,
): Promise<GradeResult> {
  let time = 1_000_000;
  const options = { ...registry, backend: new MemoryBackend(), now: () => time };
  const seeding = new Hand(createTestRegistry(options));
  if (registry.auth !== undefined) await seeding.login();
  const seed = await seeding.image("latest");
  for (const tag of ["a", "b", "c"]) {
    await seeding.manifest(tag, new TextDecoder().decode((await seeding.read("latest")).bytes));
  }
  const grading = grade(options, { provoke, now: () => time });
  const hand = new Hand(grading.registry);
  const { run, outcome } = typeof client === "function"
    ? { run: client, outcome: undefined }
    : client;
  await run({ hand, seed, wait: (milliseconds) => void (time += milliseconds) });
  if (outcome !== undefined) grading.ended(outcome);
  return grading.report().results.find(({ id }) => id === rule)!;
}

/** Registers a case's tests. */
export function ruleTest(one: RuleCase): void {
  const title = `grade: ${one.rule}${one.what === undefined ? "" : `, ${one.what}`}`;
  const { right, wrong, unseen } = one;
  if (right !== undefined) {
    Deno.test(`${title}: kept`, async () => {
      const { verdict, evidence } = await gradeOf(one, right);
      assertEquals([verdict, evidence], ["kept", undefined]);
    });
  }
  if (wrong !== undefined) {
    Deno.test(`${title}: broken`, async () => {
      const { verdict, evidence } = await gradeOf(one, wrong);
      assertEquals(verdict, "broken");
      assertEquals(evidence?.includes(one.evidence ?? "a case must say"), true, evidence);
    });
  }
  if (unseen !== undefined) {
    Deno.test(`${title}: not seen`, async () => {
      assertEquals((await gradeOf(one, unseen)).verdict, "not seen");
    });
  }
}
