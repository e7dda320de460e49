import { z } from "zod";

const size = z.number().int().min(0).max(65_535);

/** What a `start` frame says. */
export const startSchema = z.strictObject({
  command: z.string(),
  terminal: z.strictObject({ term: z.string(), columns: size, rows: size }).optional(),
});

/** What a `resize` frame says. */
export const resizeSchema = z.strictObject({ columns: size, rows: size });
