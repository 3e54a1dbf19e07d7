/** Cases of the rules about who is asking, and about HTTP. */
import { Hand, imageText } from "./by_hand.ts";
import { digestOf } from "./by_hand.ts";
import { LOGIN, type RuleCase, type Run } from "./grade_case.ts";

const READ = "/v2/app/manifests/latest";
const BASIC = { authorization: `Basic ${btoa("me:a password")}` };

async function read(run: Run, times = 1): Promise<void> {
  for (let count = 0; count < times; count++) await run.hand.read("latest");
}

function realmOf(headers: Headers): URL {
  return new URL(/realm="([^"]*)"/.exec(headers.get("www-authenticate")!)![1]!);
}

/** The cases. */
export const HTTP_CASES: RuleCase[] = [
  {
    rule: "auth.answered",
    registry: LOGIN,
    right: async (run) => {
      await read(run);
      await run.hand.login();
      await read(run);
    },
    wrong: (run) => read(run, 2),
    evidence: "it was asked again without credentials",
    unseen: (run) => read(run),
  },
  {
    rule: "auth.answered",
    what: "given up",
    registry: LOGIN,
    wrong: { run: (run) => read(run), outcome: "failed" },
    evidence: "nothing came after its 401",
  },
  {
    rule: "auth.renewed",
    registry: LOGIN,
    provoke: ["expire-tokens"],
    right: async (run) => {
      await run.hand.login();
      await read(run, 2);
      await run.hand.login();
      await read(run);
    },
    wrong: async (run) => {
      await run.hand.login();
      await read(run, 3);
    },
    evidence: "it was sent again with the token that had ended",
    unseen: async (run) => {
      await run.hand.login();
      await read(run);
    },
  },
  {
    rule: "auth.renewed",
    what: "given up",
    registry: LOGIN,
    provoke: ["expire-tokens"],
    wrong: {
      run: async (run) => {
        await run.hand.login();
        await read(run, 2);
      },
      outcome: "failed",
    },
    evidence: "no new token was used",
  },
  {
    rule: "auth.once",
    registry: LOGIN,
    provoke: ["deny-tokens"],
    right: async (run) => {
      for (let count = 0; count < 2; count++) {
        await run.hand.login();
        await read(run);
      }
    },
    wrong: async (run) => {
      for (let count = 0; count < 3; count++) {
        await run.hand.login();
        await read(run);
      }
    },
    evidence: "its credentials were refused more than 2 times",
    unseen: (run) => read(run, 4),
  },
  {
    rule: "auth.scopes",
    registry: LOGIN,
    right: async (run) => {
      await run.hand.login("repository:app:pull");
      await read(run);
    },
    wrong: async (run) => {
      await run.hand.login("repository:app:pull,push");
      await read(run);
    },
    evidence: "it asks for push on app, which nothing needed",
    unseen: (run) => read(run),
  },
  {
    rule: "auth.scopes",
    what: "of a push, and of a delete that a challenge names",
    registry: LOGIN,
    right: async (run) => {
      await run.hand.login("repository:app:pull,push");
      await run.hand.blob("x");
      await run.hand.send("DELETE", READ);
      await run.hand.login("repository:app:delete");
    },
    wrong: async (run) => {
      await run.hand.login("repository:app:pull repository:other:pull");
      await read(run);
    },
    evidence: "it asks for pull on other, which nothing needed",
  },
  {
    rule: "auth.scopes",
    what: "by POST",
    registry: LOGIN,
    wrong: (run) =>
      run.hand.send("POST", "/token", {
        body: "grant_type=password&username=me&password=x&scope=repository:app:delete",
      }),
    evidence: "it asks for delete on app, which nothing needed",
  },
  {
    rule: "auth.realm",
    registry: LOGIN,
    provoke: ["foreign-realm"],
    right: { run: (run) => read(run), outcome: "failed" },
    wrong: async ({ hand }) => {
      await hand.login(undefined, realmOf((await hand.send("GET", READ)).headers), BASIC);
    },
    evidence: "the credentials went with it",
    unseen: (run) => read(run),
  },
  {
    rule: "auth.realm",
    what: "asked for nobody, and by POST",
    registry: LOGIN,
    provoke: ["foreign-realm"],
    right: async ({ hand }) => {
      await hand.login(undefined, realmOf((await hand.send("GET", READ)).headers), {});
    },
    wrong: async ({ hand }) => {
      const realm = realmOf((await hand.send("GET", READ)).headers);
      await new Hand(hand.registry).send("POST", realm, {
        body: "grant_type=refresh_token&refresh_token=x",
      });
    },
    evidence: "POST /token: the credentials went with it",
  },
  {
    rule: "http.warning",
    provoke: ["warnings"],
    right: { run: (run) => read(run), outcome: "succeeded" },
    wrong: { run: (run) => read(run), outcome: "failed" },
    evidence: "the run failed after a Warning",
    unseen: (run) => read(run),
  },
  {
    rule: "http.warning",
    what: "sent again",
    provoke: ["warnings"],
    wrong: async ({ hand }) => {
      for (let count = 0; count < 2; count++) {
        await hand.manifest("new", imageText(digestOf("{}"), []));
      }
    },
    evidence: "it was sent again after a Warning",
  },
  {
    rule: "http.retry-after",
    provoke: ["rate-limit"],
    right: async (run) => {
      await read(run);
      run.wait(1_000);
      await read(run);
    },
    wrong: async (run) => {
      await read(run);
      run.wait(900);
      await read(run);
    },
    evidence: "900 ms after a 429 that says 1000 ms",
    unseen: (run) => read(run),
  },
  {
    rule: "http.retry",
    provoke: ["unavailable"],
    right: (run) => read(run, 2),
    wrong: { run: (run) => read(run), outcome: "failed" },
    evidence: "it was not sent again",
    unseen: (run) => read(run),
  },
];
