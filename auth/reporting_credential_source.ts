import { ApiError, AuthenticationError, InvalidOptionError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import {
  checkCredential,
  type Credential,
  type CredentialSource,
  type CredentialTarget,
  type Identity,
} from "./credential.ts";
import { redactSecrets } from "./redact_secrets.ts";

/** A source that fails with davit's own errors only. */
export type ReportingCredentialSource = (target: CredentialTarget) => Promise<Identity>;

/**
 * A source whose failures are typed, and reported by the event `credentials-failed`. The caller goes
 * on anonymously: a helper that is missing must not stop an anonymous pull.
 *
 * What it throws is davit's own error as it came, else an {@linkcode AuthenticationError} that says
 * in the source's words what went wrong, without what looks like a token in them.
 */
export function reportingCredentialSource(
  source: CredentialSource,
  emit: OnEvent,
): ReportingCredentialSource {
  return async (target) => {
    function report(cause: unknown): ApiError {
      const error = typed(cause, target.host);
      emit({ type: "credentials-failed", host: target.host, message: words(error) });
      return error;
    }
    try {
      return checkCredential(await askSource(source, target, report) ?? {});
    } catch (cause) {
      throw report(cause);
    }
  };
}

/** The words by which what makes a source refuses a target, which it takes for its options. */
const TAKEN_FOR_OPTIONS = /'(?:host|repository|scheme|plainHttp)': there is no such option/;

/**
 * What a source answers.
 *
 * @throws {InvalidOptionError} When it is no source but makes one: `dockerCredentials`, which was not called.
 */
export async function askSource(
  source: CredentialSource,
  ...asked: Parameters<CredentialSource>
): Promise<Credential | undefined> {
  let answer: unknown;
  try {
    answer = await source(...asked);
    if (typeof answer !== "function") return answer as Credential | undefined;
  } catch (error) {
    const refused = error instanceof InvalidOptionError && TAKEN_FOR_OPTIONS.test(error.message);
    if (!refused) throw error;
  }
  throw new InvalidOptionError(
    "Cannot use 'credentials' as this function makes a source, and is none: call it, as in " +
      "credentials: dockerCredentials()",
  );
}

/** What a refusal says of the source that failed before it. */
export function failedReason(failure: ApiError): string {
  return `the request was anonymous, as the credential source failed: ${words(failure)}`;
}

function typed(cause: unknown, host: string): ApiError {
  if (cause instanceof ApiError) return cause;
  const said = words(cause);
  return new AuthenticationError(
    `Cannot get credentials for ${host}: the credential source failed${said && `: ${said}`}`,
    { cause },
  );
}

/** A source's own words may repeat what it was about to hand out. */
function words(error: unknown): string {
  return redactSecrets(error instanceof Error ? error.message : String(error), undefined);
}
