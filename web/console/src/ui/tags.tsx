/** Fields for tags. */

import type { Tag } from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { text } from "../strings/index.ts";

/** A tag as it is being written. */
export interface TagField {
  key: string;
  value: string;
}

/** Gives tags as fields. */
export function fieldsOf(tags: readonly Tag[] | undefined): TagField[] {
  return (tags ?? []).map((tag) => ({ key: tag.key ?? "", value: tag.value ?? "" }));
}

/** Shows fields for tags. */
export function TagFields({ tags, change }: { tags: readonly TagField[]; change: (tags: TagField[]) => void }) {
  const set = (index: number, part: Partial<TagField>): void =>
    change(tags.map((tag, position) => (position === index ? { ...tag, ...part } : tag)));
  return (
    <SpaceBetween size="xs">
      {tags.map((tag, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a field is known by its place while its key is being written
        <div className="tag-fields" key={index}>
          <Input
            value={tag.key}
            ariaLabel={text.tags.keyOf(index + 1)}
            placeholder={text.tags.key}
            onChange={({ detail }) => set(index, { key: detail.value })}
          />
          <Input
            value={tag.value}
            ariaLabel={text.tags.valueOf(index + 1)}
            placeholder={text.tags.value}
            onChange={({ detail }) => set(index, { value: detail.value })}
          />
          <Button
            formAction="none"
            iconName="close"
            variant="icon"
            ariaLabel={text.tags.removeOf(tag.key)}
            onClick={() => change(tags.filter((_, position) => position !== index))}
          />
        </div>
      ))}
      <Button formAction="none" iconName="add-plus" onClick={() => change([...tags, { key: "", value: "" }])}>
        {text.tags.add}
      </Button>
    </SpaceBetween>
  );
}
