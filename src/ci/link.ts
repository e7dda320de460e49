import type { Diagnostics } from "./diagnostics.ts";
import { readText } from "./fields.ts";
import type { JobDraft } from "./job.ts";
import type { PipelineJob } from "./model.ts";
import { suggestionFor } from "./suggest.ts";

/** Gives every job its stage and the jobs that it waits for, and refuses what does not fit together. */
export function linkJobs(
  drafts: readonly JobDraft[],
  stages: readonly string[],
  diagnostics: Diagnostics,
): PipelineJob[] {
  const draftsByName = new Map(drafts.map((draft) => [draft.name, draft]));
  const stagesByName = new Map(drafts.map((draft) => [draft.name, stageOf(draft, stages, diagnostics)]));
  refuseCycles(drafts, draftsByName, diagnostics);
  return drafts.flatMap((draft) => {
    const stage = stagesByName.get(draft.name);
    // An unknown stage has been reported.
    if (stage === undefined) return [];
    const needs = draft.needs?.flatMap((need): readonly string[] => {
      const needed = draftsByName.get(need.jobName);
      if (needed === undefined) {
        const hint = suggestionFor(need.jobName, [...draftsByName.keys()]);
        const message = `Expected \`${draft.name}.needs\` to name a job of this file, got "${need.jobName}"${hint}`;
        if (!need.isOptional) diagnostics.error(need.line, message);
        return [];
      }
      const neededStage = stagesByName.get(need.jobName);
      if (neededStage !== undefined && stages.indexOf(neededStage) > stages.indexOf(stage)) {
        const rule = `Expected \`${draft.name}.needs\` to name jobs of its own stage (${stage}) or an earlier one`;
        diagnostics.error(need.line, `${rule}, got "${need.jobName}" of ${neededStage}`);
      }
      const names = needed.instances.map(({ name }) => name);
      const unknown = need.instanceNames?.find((name) => !names.includes(name));
      if (unknown !== undefined) {
        const message = `Expected \`${draft.name}.needs\` to name jobs that \`parallel\` makes, got "${unknown}"`;
        diagnostics.error(need.line, `${message}${suggestionFor(unknown, names)}`);
      }
      return need.instanceNames ?? names;
    });
    return draft.instances.map((instance) => ({ ...instance, stage, needs: needs && [...new Set(needs)] }));
  });
}

function stageOf(draft: JobDraft, stages: readonly string[], diagnostics: Diagnostics): string | undefined {
  // Source of the default: https://docs.gitlab.com/ci/yaml/#stage
  const stage = draft.stage === undefined ? "test" : readText(draft.stage, diagnostics);
  if (stage === undefined || stages.includes(stage)) return stage;
  const line = draft.stage?.line ?? draft.line;
  const shown = draft.stage === undefined ? `the default "${stage}"` : `"${stage}"${suggestionFor(stage, stages)}`;
  diagnostics.error(line, `Expected \`${draft.name}.stage\` to be one of ${stages.join(", ")}, got ${shown}`);
  return undefined;
}

function refuseCycles(
  drafts: readonly JobDraft[],
  draftsByName: ReadonlyMap<string, JobDraft>,
  diagnostics: Diagnostics,
): void {
  const isDone = new Set<string>();
  const visit = (draft: JobDraft, trail: readonly string[]): void => {
    if (isDone.has(draft.name)) return;
    const here = [...trail, draft.name];
    for (const need of draft.needs ?? []) {
      const needed = draftsByName.get(need.jobName);
      if (needed === undefined) continue;
      const start = here.indexOf(need.jobName);
      if (start < 0) visit(needed, here);
      else {
        const cycle = [...here.slice(start), need.jobName].join(" → ");
        diagnostics.error(need.line, `Expected \`${draft.name}.needs\` to lead to an end, got the cycle ${cycle}`);
      }
    }
    isDone.add(draft.name);
  };
  for (const draft of drafts) visit(draft, []);
}
