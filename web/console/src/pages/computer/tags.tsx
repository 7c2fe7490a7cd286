/** Tags of a computer. */

import { TagResourceCommand, UntagResourceCommand } from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { send } from "../../api/cloud.ts";
import { text } from "../../strings/index.ts";
import { useAction } from "../../ui/action.ts";
import { Empty, ProblemAlert } from "../../ui/states.tsx";
import { fieldsOf, type TagField, TagFields } from "../../ui/tags.tsx";
import type { ComputerProps } from "./props.ts";

const says = text.tags;

/** The tab. */
export function TagsTab({ instance, name }: ComputerProps) {
  const kept = fieldsOf(instance.tags);
  const [edited, setEdited] = useState<TagField[]>();
  const action = useAction();
  const tags = edited ?? kept;
  const save = async (): Promise<void> => {
    if (await action.run(() => saveTags(name, kept, tags), says.saved)) {
      setEdited(undefined);
    }
  };
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={says.says}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {edited === undefined ? null : <Button onClick={() => setEdited(undefined)}>{text.common.cancel}</Button>}
              <Button
                variant="primary"
                disabled={edited === undefined}
                loading={action.busy}
                onClick={() => void save()}
              >
                {text.common.save}
              </Button>
            </SpaceBetween>
          }
        >
          {text.pages.tags}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <ProblemAlert problem={action.problem} />
        {tags.length === 0 ? <Empty title={says.none} /> : null}
        <TagFields tags={tags} change={setEdited} />
      </SpaceBetween>
    </Container>
  );
}

async function saveTags(resourceName: string, before: readonly TagField[], after: readonly TagField[]): Promise<void> {
  const wanted = after.filter((tag) => tag.key !== "");
  const keys = new Set(wanted.map((tag) => tag.key));
  const tagKeys = before.map((tag) => tag.key).filter((key) => !keys.has(key));
  const tags = wanted.filter((tag) => !before.some((old) => old.key === tag.key && old.value === tag.value));
  if (tagKeys.length > 0) {
    await send(new UntagResourceCommand({ resourceName, tagKeys }));
  }
  if (tags.length > 0) {
    await send(new TagResourceCommand({ resourceName, tags }));
  }
}
