"""One task for odil, run by the system's Python: JSON on standard input, the answer as JSON on standard output."""

import contextlib
import json
import os
import sys

import odil

NATIVE = [odil.registry.ExplicitVRLittleEndian, odil.registry.ImplicitVRLittleEndian]
Context = odil.AssociationParameters.PresentationContext


def associate(task, contexts):
    association = odil.Association()
    association.set_peer_host(task["host"])
    association.set_peer_port(task["port"])
    association.update_parameters().set_calling_ae_title(task["calling"]).set_called_ae_title(
        task["called"]
    ).set_presentation_contexts(contexts)
    association.associate()
    return association


def keys_of(task):
    data_set = odil.DataSet()
    for key, value in {"QueryRetrieveLevel": task["level"], **task["keys"]}.items():
        tag = getattr(odil.registry, key)
        vr = odil.registry.public_dictionary[tag].vr
        values = value.split("\\") if value else []
        if vr in ("IS", "US"):
            values = [int(each) for each in values]
        data_set.add(tag, values)
    return data_set


def model(task, operation):
    root = task["root"].capitalize()
    return getattr(odil.registry, f"{root}RootQueryRetrieveInformationModel{operation}")


def text_of(element):
    if element.empty():
        return ""
    for kind in ("string", "int", "real"):
        if getattr(element, f"is_{kind}")():
            return "\\".join(
                each.decode("utf-8") if isinstance(each, bytes) else str(each)
                for each in getattr(element, f"as_{kind}")()
            )
    return ""


def plain(data_set):
    found = {}
    for tag, element in data_set.items():
        with contextlib.suppress(odil.Exception):  # a tag without a name
            found[tag.get_name()] = text_of(element)
    return found


def echo(task):
    association = associate(task, [Context(odil.registry.Verification, NATIVE, Context.Role.SCU)])
    odil.EchoSCU(association).echo()
    association.release()


def store(task):
    objects = []
    for file in task["files"]:
        with odil.open(file) as stream:
            objects.append(odil.Reader.read_file(stream))
    pairs = {(d.as_string("SOPClassUID")[0], h.as_string("TransferSyntaxUID")[0]) for h, d in objects}
    association = associate(task, [Context(uid, [syntax], Context.Role.SCU) for uid, syntax in sorted(pairs)])
    scu = odil.StoreSCU(association)
    for _, data_set in objects:
        scu.set_affected_sop_class(data_set)
        scu.store(data_set)
    association.release()


def find(task):
    syntax = model(task, "Find")
    association = associate(task, [Context(syntax, NATIVE, Context.Role.SCU)])
    scu = odil.FindSCU(association)
    scu.set_affected_sop_class(syntax)
    answers = [plain(each) for each in scu.find(keys_of(task))]
    association.release()
    return answers


def get(task):
    syntax = model(task, "Get")
    storage = [
        getattr(odil.registry, name)
        for name in (
            "CTImageStorage",
            "MRImageStorage",
            "SecondaryCaptureImageStorage",
            "RTStructureSetStorage",
            "RTPlanStorage",
            "RTDoseStorage",
        )
    ]
    contexts = [Context(syntax, NATIVE, Context.Role.SCU)]
    contexts += [Context(uid, NATIVE, Context.Role.SCP) for uid in storage]
    association = associate(task, contexts)
    scu = odil.GetSCU(association)
    scu.set_affected_sop_class(syntax)
    for data_set in scu.get(keys_of(task)):
        name = data_set.as_string("SOPInstanceUID")[0]
        name = name.decode() if isinstance(name, bytes) else name
        with odil.open(os.path.join(task["folder"], f"{name}.dcm"), "wb") as stream:
            odil.Writer.write_file(data_set, stream)
    association.release()


def move(task):
    syntax = model(task, "Move")
    association = associate(task, [Context(syntax, NATIVE, Context.Role.SCU)])
    scu = odil.MoveSCU(association)
    scu.set_move_destination(task["destination"])
    scu.set_affected_sop_class(syntax)
    scu.move(keys_of(task), lambda data_set: None, lambda response: None)
    association.release()


task = json.load(sys.stdin)
print(json.dumps({"echo": echo, "store": store, "find": find, "get": get, "move": move}[task["task"]](task)))
