import type { GradeRule } from "./grade_rule.ts";
import { AUTH_RULES } from "./grade_rules_auth.ts";
import { CHUNK_RULES } from "./grade_rules_chunk.ts";
import { HTTP_RULES } from "./grade_rules_http.ts";
import { LIST_RULES } from "./grade_rules_list.ts";
import { PULL_RULES } from "./grade_rules_pull.ts";
import { PUSH_RULES } from "./grade_rules_push.ts";
import { REFERRERS_RULES } from "./grade_rules_referrers.ts";
import { UPLOAD_RULES } from "./grade_rules_upload.ts";

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
