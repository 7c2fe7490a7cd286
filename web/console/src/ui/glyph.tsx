/** A small sign for each application: its letters on a colour of its own. */

const HUES = 8;

/** Gives the letters and the colour of a blueprint's sign. */
export function glyphOf(blueprintId: string): { letters: string; hue: number } {
  const parts = blueprintId.split(/[^A-Za-z]+/).filter((part) => part !== "");
  const letters =
    parts.length > 1
      ? parts
          .slice(0, 2)
          .map((part) => part.charAt(0))
          .join("")
      : (parts[0] ?? "?").slice(0, 2);
  let sum = 0;
  for (const letter of blueprintId) {
    sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  }
  return { letters: letters.toUpperCase(), hue: sum % HUES };
}

/** Shows the sign. */
export function Glyph({ of }: { of: string }) {
  const { letters, hue } = glyphOf(of);
  return (
    <svg className={`glyph hue-${hue}`} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <text x="16" y="21.5" textAnchor="middle">
        {letters}
      </text>
    </svg>
  );
}
