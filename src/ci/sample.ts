/** The image that every guest image holds: Debian's busybox with all its applets. */
const IMAGE = "mayfly/busybox";

const PIPELINE = `# Three jobs, each on a fresh machine of its own. They need no registry: ${IMAGE} is part of the guest image.
default:
  before_script:
    - test ! -e /was-here           # another job on this machine would have left it
    - sudo -n touch /was-here

sudo:
  script:
    - sudo -n id -u                 # prints 0: the machine is this job's own
    - ls -l /was-here

docker-build:
  script:
    - docker build --tag greeting .
    - docker run --rm greeting

compose:
  script:
    - docker-compose up --detach web
    - docker-compose run --rm fetch # prints the page of the web server, reached by its name
    - docker ps
  after_script:
    - docker-compose down
`;

const DOCKERFILE = `FROM ${IMAGE}
COPY greeting.txt /
RUN echo "built where nothing else runs" >> /greeting.txt
ENTRYPOINT ["cat", "/greeting.txt"]
`;

const COMPOSE = `version: "3"
services:
  web:
    image: ${IMAGE}
    entrypoint: ["httpd", "-f", "-p", "80", "-h", "/www"]
    volumes: ["./www:/www:ro"]
  fetch:
    image: ${IMAGE}
    entrypoint: ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://web/ && exit; sleep 1; done; exit 1"]
`;

/** A project whose pipeline shows what a machine of its own is good for: relative paths to contents. */
export const SAMPLE_FILES: Readonly<Record<string, string>> = {
  ".gitlab-ci.yml": PIPELINE,
  Dockerfile: DOCKERFILE,
  "greeting.txt": "Hello from an image\n",
  "docker-compose.yml": COMPOSE,
  "www/index.html": "Hello from a web server of this job alone\n",
};
