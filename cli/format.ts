/** A count of bytes as people read it: `8.4 MB`. */
export function formatBytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    count /= 1_000;
    if (count < 999.95) return `${count.toFixed(1)} ${unit}`;
  }
  return `${(count / 1_000).toFixed(1)} TB`;
}

/** A time in milliseconds as people read it: `2.1 s`, `3 min 05 s`. */
export function formatTime(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const pair = (large: number, small: number, units: [string, string]) =>
    `${large} ${units[0]} ${String(small).padStart(2, "0")} ${units[1]}`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return pair(minutes, whole % 60, ["min", "s"]);
  return pair(Math.floor(minutes / 60), minutes % 60, ["h", "min"]);
}

/** A digest, short enough for a line: `sha256:2cf24dba5fb0`. */
export function shortDigest(digest: string): string {
  return digest.replace(/^([^:]+:[0-9a-f]{12})[0-9a-f]+$/, "$1");
}

/** `1 blob`, `3 blobs`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** What others wrote, on one line and without what would write to a terminal. */
export function plainText(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
}

/** What the option of programs allows, the command's flag does. */
export function byFlags(text: string): string {
  return text.replace(
    /(?:the option|an allowHost that takes it, or) trustedRealms: \{"[^"]*": "([^"]*)"\},? allows it/,
    "--token-service $1 allows it",
  );
}
