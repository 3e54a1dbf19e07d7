import { assertThrows } from "@std/assert";
import { CredentialError } from "../../errors.ts";
import { withEntry, withoutEntry } from "./login_config.ts";

// Another program may break the file between a login's first look at it and its write.
for (const text of ["", "{", "[]", '{"auths":[]}', '{"auths":"a.io"}', '{"credsStore":42}']) {
  Deno.test(`withEntry, withoutEntry: a broken config is not changed: ${text}`, () => {
    assertThrows(() => withEntry(text, "a.io", { auth: "dTpw" }, "config.json"), CredentialError);
    assertThrows(() => withoutEntry(text, "a.io", "config.json"), CredentialError);
  });
}
