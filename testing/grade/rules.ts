import type { GradeRule } from "./rule.ts";
import { AUTH_RULES } from "./rules_auth.ts";
import { CHUNK_RULES } from "./rules_chunk.ts";
import { HTTP_RULES } from "./rules_http.ts";
import { LIST_RULES } from "./rules_list.ts";
import { PULL_RULES } from "./rules_pull.ts";
import { PUSH_RULES } from "./rules_push.ts";
import { REFERRERS_RULES } from "./rules_referrers.ts";
import { UPLOAD_RULES } from "./rules_upload.ts";

/** Every duty of a client, in the order of a report. */
export const GRADE_RULES: readonly GradeRule[] = [
  ...PULL_RULES,
  ...LIST_RULES,
  ...UPLOAD_RULES,
  ...CHUNK_RULES,
  ...PUSH_RULES,
  ...REFERRERS_RULES,
  ...AUTH_RULES,
  ...HTTP_RULES,
];
