import { ApiError, AuthenticationError } from "../../errors.ts";
import type { Credential, CredentialSource } from "../credential.ts";
import { askSource } from "../reporting_credential_source.ts";

/**
 * A source that asks several in their order, and answers what the first one has. A source that fails
 * does not stop the next one: a broken configuration of one registry must not hide the credentials
 * that another source has, and the event `credentials-failed` tells of it. Only where none has any, the
 * failure is thrown: a client then goes on as nobody, and says so where the registry refuses that.
 *
 * What is thrown is the failure itself where there is one and davit threw it; otherwise an
 * `AuthenticationError` with the failures as its cause.
 *
 * @example GitHub's registry from a workflow's token, another one with a password
 * ```ts
 * import { firstCredentials, githubCredentials } from "@davit/registry-client/auth";
 * import { assertEquals } from "@std/assert";
 *
 * const credentials = firstCredentials(
 *   githubCredentials({ token: "ghp_…", username: "you" }),
 *   ({ host }) => host === "quay.io" ? { username: "you", password: "secret" } : undefined,
 * );
 *
 * assertEquals(await credentials({ host: "quay.io" }), { username: "you", password: "secret" });
 * assertEquals(await credentials({ host: "registry.example.com" }), undefined);
 * ```
 */
export function firstCredentials(...sources: readonly CredentialSource[]): CredentialSource {
  return async (target, report) => {
    const failures: unknown[] = [];
    for (const source of sources) {
      try {
        const answer = await askSource(source, target, report);
        if (answer === undefined || isEmpty(answer)) continue;
        for (const failure of failures) report?.(failure);
        return answer;
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 0) return undefined;
    const [first] = failures;
    if (failures.length === 1 && first instanceof ApiError) throw first;
    // The words of other errors are not davit's own: they may hold a secret.
    const words = failures.map((error) => error instanceof ApiError ? error.message : "it failed");
    throw new AuthenticationError(
      `Cannot get credentials for ${target.host}: ${words.join("; ")}`,
      { cause: failures.length === 1 ? first : new AggregateError(failures) },
    );
  };
}

/** Whether a credential says nothing, as one from variables that are not set. */
function isEmpty(credential: Credential): boolean {
  return Object.values(credential).every((value) => value === undefined || value === "");
}
