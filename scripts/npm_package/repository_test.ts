import { assertEquals } from "@std/assert";
import { repositoryOf } from "./repository.ts";

const URL = "git+https://git.example.com/you/davit.git";

const remotes: [remote: string, url: string | undefined][] = [
  ["https://git.example.com/you/davit", URL],
  ["https://git.example.com/you/davit.git", URL],
  ["https://git.example.com/you/davit/", URL],
  ["https://you:secret@git.example.com/you/davit.git", URL],
  ["ssh://git@git.example.com:2222/you/davit.git", URL],
  ["git@git.example.com:you/davit.git", URL],
  ["", undefined],
  ["/srv/git/davit", undefined],
  ["../davit.git", undefined],
  ["file:///srv/git/davit.git", undefined],
  ["C:/git/davit", undefined],
  ["http://localhost/davit.git", undefined],
];

for (const [remote, url] of remotes) {
  Deno.test(`repositoryOf: ${remote || "no remote"}`, () => {
    assertEquals(repositoryOf(remote), url === undefined ? undefined : { type: "git", url });
  });
}
