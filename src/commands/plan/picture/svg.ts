/*
 * Pictures are plain SVG: text and lines. Colours are those of Okabe and Ito, which people of any colour vision tell apart; lines
 * differ in their dashes as well, and points in their shapes. Light and dark follow the reader's own setting.
 */

/** How one series is drawn; its place in `STYLES` tells its classes apart. */
export interface Style {
  readonly light: string;
  readonly dark: string;
  /** Lengths of strokes and gaps; empty for an unbroken line. */
  readonly dashes: string;
}

/** In the order in which series take them. */
const STYLES: readonly Style[] = [
  { light: "#0072b2", dark: "#56b4e9", dashes: "" },
  { light: "#d55e00", dark: "#ff8c42", dashes: "7 3" },
  { light: "#007a5a", dark: "#2cc79a", dashes: "2 3" },
  { light: "#aa4499", dark: "#e68fd0", dashes: "9 3 2 3" },
  { light: "#8a6d00", dark: "#e6c229", dashes: "4 2" },
  { light: "#444444", dark: "#cccccc", dashes: "1 2" },
];

/** The place of the n-th series' style. */
export const styleAt = (n: number): number => n % STYLES.length;

const css = (isDark: boolean): string =>
  STYLES.map(({ light, dark }, n) => {
    const colour = isDark ? dark : light;
    return `.l${n}{stroke:${colour}}.p${n}{fill:${colour};stroke:${colour}}.t${n}{fill:${colour}}`;
  }).join("");

const STYLE = [
  "text{font:13px system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#222}",
  ".title{font-size:16px;font-weight:600}.soft{fill:#555}",
  ".bg{fill:#fff}.grid{stroke:#e2e2e2}.axis{stroke:#777}.goal{stroke:#777;stroke-dasharray:3 4}.demand{fill:#d4d7dc}",
  ".line{fill:none;stroke-width:2}path.ring{fill:none;stroke-width:2}",
  ...STYLES.map(({ dashes }, n) => (dashes === "" ? "" : `.l${n}{stroke-dasharray:${dashes}}`)),
  css(false),
  "@media(prefers-color-scheme:dark){text{fill:#e8e8e8}.soft{fill:#aaa}.bg{fill:#15171a}.grid{stroke:#2d3136}",
  `.axis{stroke:#888}.goal{stroke:#999}.demand{fill:#3a3f46}${css(true)}}`,
].join("");

/** Puts a picture together. @param label what it shows, for those who do not see it */
export function svgFrom(width: number, height: number, label: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">`;
  return `${head}\n<style>${STYLE}</style>\n<rect class="bg" width="${width}" height="${height}"/>\n${parts.join("\n")}\n</svg>\n`;
}

/** Makes text safe inside of XML and HTML. */
export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Writes one line of text. */
export function textAt(
  [x, y]: readonly [number, number],
  text: string,
  classes = "",
  anchor: "start" | "middle" | "end" = "start",
): string {
  return `<text x="${short(x)}" y="${short(y)}" class="${classes}" text-anchor="${anchor}">${escaped(text)}</text>`;
}

/** Draws a straight line. */
export const lineAt = (x1: number, y1: number, x2: number, y2: number, classes: string): string =>
  `<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" class="${classes}"/>`;

/** Draws a line through points. */
export function pathThrough(points: readonly (readonly [number, number])[], classes: string): string {
  return `<path class="${classes}" d="${points.map(([x, y], n) => `${n === 0 ? "M" : "L"}${short(x)} ${short(y)}`).join("")}"/>`;
}

/** Draws a point in the shape of its series: a disc, a square, a triangle or a diamond. */
export function pointAt([x, y]: readonly [number, number], n: number, classes: string): string {
  const shapes = ["M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z", "M-5-5h10v10h-10Z", "M0-6L6 5H-6Z", "M0-7L6 0L0 7L-6 0Z"];
  return `<path class="${classes}" transform="translate(${short(x)} ${short(y)})" d="${shapes[n % shapes.length]}"/>`;
}

/** Digits enough for a place in a picture. */
const short = (value: number): string => String(Math.round(value * 10) / 10);
