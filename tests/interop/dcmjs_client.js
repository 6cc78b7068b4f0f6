// One task for dcmjs-dimse: JSON on standard input, the answer as JSON in the last line of standard output.
// The status is 1 if any response is no success.
const fs = require('fs');
const path = require('path');
const { Client, requests, responses, constants, log } = require('dcmjs-dimse');

log.setLevel('silent');
const task = JSON.parse(fs.readFileSync(0, 'utf8'));
const { Status } = constants;
const answers = [];
const failures = [];

const make = {
  echo: () => [new requests.CEchoRequest()],
  store: () => task.files.map((file) => new requests.CStoreRequest(file)),
  find: () => {
    const name = { STUDY: 'Study', SERIES: 'Series', IMAGE: 'Image' }[task.level];
    return [requests.CFindRequest[`create${name}FindRequest`](task.keys)];
  },
  get: () => retrieval(requests.CGetRequest, []),
  move: () => retrieval(requests.CMoveRequest, [task.destination]),
};

function retrieval(kind, first) {
  const verb = kind === requests.CGetRequest ? 'Get' : 'Move';
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = task.keys;
  const uids = [StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID].map((uid) => uid && uid.split('\\'));
  const name = { STUDY: 'Study', SERIES: 'Series', IMAGE: 'Image' }[task.level];
  const count = { STUDY: 1, SERIES: 2, IMAGE: 3 }[task.level];
  return [kind[`create${name}${verb}Request`](...first, ...uids.slice(0, count))];
}

// Sends requests over one association; resolves when it has ended.
function send(request) {
  return new Promise((resolve) => {
    const client = new Client();
      request.on('response', (response) => {
        const status = response.getStatus();
        if (status === Status.Pending) {
          if (response.hasDataset()) answers.push(response.getDataset().getElements());
        } else if (status !== Status.Success) {
          failures.push(`status 0x${status.toString(16)}`);
        }
      });
      client.addRequest(request);
    client.on('cStoreRequest', (request, callback) => {
      const dataset = request.getDataset();
      dataset.toFile(path.join(task.folder, `${dataset.getElement('SOPInstanceUID')}.dcm`));
      const response = responses.CStoreResponse.fromRequest(request);
      response.setStatus(Status.Success);
      callback(response);
    });
    client.on('networkError', (error) => { failures.push(String(error)); resolve(); });
    client.on('associationRejected', () => failures.push('the association was rejected'));
    client.on('closed', resolve);
    client.send(task.host, task.port, task.calling, task.called);
  });
}

// One association for each request: it would propose one transfer syntax only for each SOP class of one.
(async () => {
  for (const request of make[task.task]()) await send(request);
  if (failures.length) console.error(failures.join('\n'));
  console.log(JSON.stringify(answers.map(plain)));
  process.exit(failures.length ? 1 : 0);
})();

// Answers by keyword, each value as text.
function plain(elements) {
  return Object.fromEntries(Object.entries(elements)
    .filter(([key]) => !key.startsWith('_'))
    .map(([key, value]) => [key, text(value)]));
}

function text(value) {
  if (Array.isArray(value)) return value.map(text).join('\\');
  if (value && typeof value === 'object') return text(value.Alphabetic !== undefined ? value.Alphabetic : '');
  return value === undefined || value === null ? '' : String(value);
}
