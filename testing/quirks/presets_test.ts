import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvalidOptionError } from "../../errors.ts";
import { memoryWire } from "../fixture_test.ts";
import { createTestRegistry } from "../test_registry.ts";
import type { PresetName } from "./preset.ts";
import { PRESETS } from "./preset_table.ts";

const CHALLENGES: Record<PresetName, string | null> = {
  acr: 'Bearer realm="https://r.test/oauth2/token",service="azurecr.io"',
  distribution3: null,
  dockerHub: 'Bearer realm="https://r.test/token",service="registry.docker.io"',
  dockerRegistry2: null,
  ecr: 'Basic realm="https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/", charset="UTF-8"',
  ecrPublic: 'Bearer realm="https://r.test/token/",service="public.ecr.aws"',
  gar: 'Bearer realm="https://r.test/v2/token",service="us-docker.pkg.dev"',
  ghcr: 'Bearer realm="https://r.test/token",service="ghcr.io",scope="repository:user/image:pull"',
  gitlab: 'Bearer realm="https://r.test/jwt/auth",service="container_registry"',
  harbor: 'Bearer realm="https://r.test/service/token",service="harbor-registry"',
  quay: 'Bearer realm="https://r.test/v2/auth",service="quay.io"',
};

for (const [preset, challenge] of Object.entries(CHALLENGES) as [PresetName, string | null][]) {
  Deno.test(`preset ${preset}: end-1 challenges as it does`, async () => {
    const wire = memoryWire({ preset });
    const { status, headers } = await wire.send("GET", "https://r.test/v2/");
    assertEquals([status, headers.get("www-authenticate")], [challenge ? 401 : 200, challenge]);
  });
}

Deno.test("presets: every one is tested", () => {
  assertEquals(Object.keys(PRESETS).sort(), Object.keys(CHALLENGES));
});

Deno.test("preset: realms elsewhere, under the public name alone", async () => {
  for (
    const [preset, host, realm] of [
      ["dockerHub", "registry-1.docker.io", "https://auth.docker.io/token"],
      ["gitlab", "registry.gitlab.com", "https://gitlab.com/jwt/auth"],
    ] as const
  ) {
    const { headers } = await memoryWire({ preset }).send("GET", `https://${host}/v2/`);
    assert(headers.get("www-authenticate")!.includes(`realm="${realm}"`));
  }
});

Deno.test("preset: its users are the caller's, its way to authenticate stays", async () => {
  const wire = memoryWire({ preset: "harbor", auth: { bearer: { users: { me: "secret" } } } });
  const token = (password: string) =>
    wire.send("GET", "/service/token?service=harbor-registry", {
      headers: { authorization: `Basic ${btoa(`me:${password}`)}` },
    });
  assertEquals([(await token("secret")).status, (await token("wrong")).status], [200, 401]);
});

Deno.test("preset: another way to authenticate is the caller's", async () => {
  const wire = memoryWire({ preset: "harbor", auth: { basic: { users: { me: "secret" } } } });
  const authorization = `Basic ${btoa("me:secret")}`;
  assertEquals((await wire.send("GET", "/v2/", { headers: { authorization } })).status, 200);
});

Deno.test("preset: the caller's quirks come on top, and undefined takes one away", async () => {
  const wire = memoryWire({
    preset: "distribution3",
    quirks: { locations: { form: "path" }, singlePost: undefined },
  });
  await wire.pushBlob("app", "hello"); // by a single POST
  assertEquals((await wire.startUpload("app")).includes("?"), false);
});

Deno.test("preset: an unknown one is an InvalidOptionError", () => {
  for (const preset of ["nexus", "constructor", "__proto__"]) {
    assertThrows(
      () => createTestRegistry({ preset: preset as PresetName }),
      InvalidOptionError,
      `current value is ${preset}`,
    );
  }
});
