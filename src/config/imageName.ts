import * as z from "zod";

// Source: reference/regexp.go of github.com/distribution/reference: the grammar of image names.
const DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `${DOMAIN_PART}(?:\\.${DOMAIN_PART})*(?::[0-9]+)?`;
const PATH_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const IMAGE = new RegExp(
  `^(?=.{1,512}$)(?:${DOMAIN}/)?${PATH_PART}(?:/${PATH_PART})*(?::${TAG})?(?:@sha256:[0-9a-f]{64})?$`,
);
const MAX_IMAGES = 50;

/** An array of different names of images. */
export function imageNames() {
  const error = `an array of at most ${MAX_IMAGES} different names`;
  const name = 'the name of an image, such as "debian:12" or "registry.example.com/group/app:1"';
  return z
    .array(z.string({ error: name }).regex(IMAGE, { error: name }), { error })
    .max(MAX_IMAGES, { error })
    .refine((names) => new Set(names).size === names.length, { error });
}
