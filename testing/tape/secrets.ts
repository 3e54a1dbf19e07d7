/**
 * Shorter ones are not looked for in other texts: replacing every "test" would change names. They
 * are still replaced where they stand.
 */
const LEAST_SEARCHED = 8;

/**
 * The secrets of a recording, each with a placeholder of its own: the same value is the same
 * placeholder wherever it stands, so that what a registry gave and a client sent back still match.
 */
export class TapeSecrets {
  readonly #placeholders = new Map<string, string>();
  readonly #variants = new Map<string, string>();

  placeholder(secret: string): string {
    if (/^redacted(-[0-9]+)?$/.test(secret)) return secret;
    const known = this.#placeholders.get(secret);
    if (known !== undefined) return known;
    const placeholder = `redacted-${this.#placeholders.size + 1}`;
    this.#placeholders.set(secret, placeholder);
    const form = new URLSearchParams([["", secret]]).toString().slice(1);
    const json = JSON.stringify(secret).slice(1, -1);
    for (const variant of [secret, encodeURIComponent(secret), form, json]) {
      if (secret.length >= LEAST_SEARCHED) this.#variants.set(variant, placeholder);
    }
    return placeholder;
  }

  /** A text without the secrets known by now, however they are escaped. */
  scrub(text: string): string {
    let scrubbed = text;
    // The longest first: one secret may be the beginning of another.
    const variants = [...this.#variants].sort(([a], [b]) => b.length - a.length);
    for (const [variant, placeholder] of variants) {
      scrubbed = scrubbed.replaceAll(variant, placeholder);
    }
    return scrubbed;
  }
}
