/** Fields of a new disk. */

import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { nameFault } from "../logic/computer.ts";
import { DISK_GB, isDiskSize } from "../logic/disks.ts";
import { text } from "../strings/index.ts";

const says = text.disks;
const FIRST_GB = 32;

/** A disk as it is being chosen. */
export interface NewDisk {
  name: string;
  sizeGb: number;
  fault: string | undefined;
  setName(name: string): void;
  setSize(sizeGb: number): void;
}

/** Holds the choice of a new disk. */
export function useNewDisk(first: string, firstGb = FIRST_GB): NewDisk {
  const [name, setName] = useState(first);
  const [sizeGb, setSize] = useState(firstGb);
  const wrong = nameFault(name);
  const fault =
    wrong !== undefined
      ? text.nameFaults[wrong]
      : isDiskSize(sizeGb)
        ? undefined
        : says.sizeFault(DISK_GB.least, DISK_GB.most);
  return { name, sizeGb, fault, setName, setSize };
}

/** Shows the fields. */
export function DiskFields({ disk }: { disk: NewDisk }) {
  const wrong = nameFault(disk.name);
  return (
    <>
      <FormField label={says.name} errorText={wrong === undefined ? undefined : text.nameFaults[wrong]}>
        <Input value={disk.name} onChange={({ detail }) => disk.setName(detail.value)} spellcheck={false} />
      </FormField>
      <FormField
        label={says.sizeGb}
        errorText={isDiskSize(disk.sizeGb) ? undefined : says.sizeFault(DISK_GB.least, DISK_GB.most)}
      >
        <Input
          type="number"
          inputMode="numeric"
          value={Number.isNaN(disk.sizeGb) ? "" : String(disk.sizeGb)}
          onChange={({ detail }) => disk.setSize(detail.value === "" ? Number.NaN : Number(detail.value))}
        />
      </FormField>
    </>
  );
}
