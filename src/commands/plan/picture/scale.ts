/** Maps values to places in a picture, and knows which values are worth a mark. */
export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** A scale from 0 to at least `max` (> 0). @param places of 0 and of the end */
export function linearScale(max: number, [zero, end]: readonly [number, number], wanted = 5): Scale {
  const rough = max / wanted;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * unit).find((each) => each >= rough) ?? rough;
  const top = Math.ceil(max / step) * step;
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, n) => Number((n * step).toPrecision(6)));
  return { at: (value) => zero + ((end - zero) * value) / top, ticks };
}

/** A scale of powers of ten from `min` to `max`, 0 < min < max; what lies beyond is put on its ends. */
export function logScale(min: number, max: number, [low, high]: readonly [number, number]): Scale {
  const at = (value: number): number => {
    const part = Math.log(Math.min(max, Math.max(min, value)) / min) / Math.log(max / min);
    return low + (high - low) * part;
  };
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const times of [1, 2, 5]) {
      const value = Number((times * 10 ** power).toPrecision(3));
      if (value >= min * 0.999 && value <= max * 1.001) ticks.push(value);
    }
  }
  return { at, ticks };
}
