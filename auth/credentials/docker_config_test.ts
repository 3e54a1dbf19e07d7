import { assertEquals, assertThrows } from "@std/assert";
import { CredentialError } from "../../errors.ts";
import { parseDockerConfig } from "./docker_config.ts";

Deno.test("parseDockerConfig: HttpHeaders are kept, those that are texts", () => {
  const of = (text: string) => parseDockerConfig(text, "x").httpHeaders;
  assertEquals(of("{}"), {});
  assertEquals(of('{"HttpHeaders":null}'), {});
  assertEquals(of('{"HttpHeaders":{"X-Team":"build","X-Count":1}}'), { "X-Team": "build" });
  assertThrows(() => of('{"HttpHeaders":["X-Team"]}'), CredentialError, "its HttpHeaders is not");
});
