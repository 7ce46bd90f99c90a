"""Short texts for the teacher, WORK/everyday.jsonl: the passages of the corpus are long and technical, a memory is not.

Three kinds of records, all without a right answer (only the teacher's vectors count): sentences put together from the
phrases below, two that share a part making a record; bags of words that visit the whole vocabulary; and single
sentences of the corpus, a record being two neighbours of one passage. WORK/advice.jsonl: error messages, each with a
sentence of advice from the same source, so that the teacher ranks much advice for many errors.
"""
import json
import pathlib
import random
import re
import sys

from distill import vocabulary

WHO = '''I|we|she|he|they|my sister|my brother|our neighbour|the doctor|the nurse|the teacher|the students|a child|the old man|her grandmother|the lawyer|the customer|a client|the manager|the team|the whole company|our landlord|the plumber|the driver|the pilot|the farmer|the painter|a famous musician|the police|the mayor|the government|the committee|the judge|a journalist|the author|the scientist|the engineers|a new colleague|the intern|the security officer|the administrator|the support team|the vendor|the auditor|the reviewer|the maintainer|the user|every user|the assistant|the agent|the robot|the server|the database|the service|the worker process|the mobile app|the website|the login page|the build|the test suite|the deployment|the nightly job|the backup|the search index|the queue|the cache|the load balancer|the proxy|the API|the parser|the compiler|the library|the plugin|the container|the cluster|the certificate|the password|the secret key|the configuration file|the log file|the report|the invoice|the contract|the meeting|the deadline|the project|the budget|the car|the train|the flight|the ship|the bicycle|the house|the kitchen|the garden|the river|the mountain|the storm|the dog|the cat|a wild bird|the horse|the hospital|the school|the museum|the restaurant|the hotel|the market|the bank|the church|the orchestra|the football team|the film|the novel|the painting|the game'''
DID = '''was late|arrived early|is broken|was repaired|is closed|opens at nine|costs too much|became cheaper|was sold|was stolen|has been found|got lost|is very old|is brand new|is slow|became faster|is too loud|is quiet|is dangerous|is safe|is empty|is full|is hot|is cold|is missing|was replaced|was deleted by mistake|must not be changed|has to be renewed|expires soon|fails every night|crashed again|ran out of memory|ran out of disk space|does not respond|refuses connections|returns an error|times out|is locked|is blocked by another process|was rolled back|was released on Monday|needs approval|needs more money|needs a password|needs maintenance|is being rewritten|was written in Rust|was moved to Frankfurt|runs on Linux|runs only on Windows|uses too much energy|leaks memory|drops messages|sends duplicates|loses data|keeps two copies|stores everything in memory|is encrypted|is compressed|is read only once|starts automatically|stops at the weekend|is checked every hour|is limited to five megabytes|grows every day|shrank by half|doubled in size|fell sharply|rose by ten percent|won the prize|lost the election|made a mistake|apologised|complained about it|praised the work|asked a question|gave a short answer|wants a refund|prefers dark mode|prefers tabs|likes coffee|drinks tea|eats no meat|is allergic to nuts|sleeps badly|works at home|moved to Spain|speaks French|learns to cook|plays the guitar|runs every morning|broke a leg|is pregnant|got married|died last year|was born in May|retired|was promoted|was fired|is on holiday|is on parental leave|went to prison|bought a boat|painted the wall|planted a tree|wrote a letter|read the manual|signed the papers|forgot the keys|told a lie|knows the truth|decided to wait|changed the plan|agreed with us|refused to help|promised to call|stopped smoking|started again|never sleeps'''
HOW = '''yesterday|last week|this morning|at midnight|in summer|since the update|after the storm|before the meeting|every Friday|for three years|until further notice|without any warning|because of the rain|because of a bug|because it was too expensive|in order to save money|to save time|by accident|on purpose|with great care|in Berlin|in the office|at home|near the lake|on the second floor|in production|in the staging environment|on the phone|in the browser|according to the documentation|as everybody expected|to our surprise|for safety reasons|although nobody asked|if the network is down|when it is dark|unless someone objects|together with a friend|all alone|again and again'''
FRAME = ['{}', '{}', '{}', '{}.', 'Remember: {}.', 'Why is it that {}?', 'Note that {}.', 'I think {}.', 'We found out that {}.', 'Is it true that {}?', 'It turned out that {}.', 'Do you know whether {}?']


ADVICE = re.compile(r"^(Use|Set|Install|Make sure|Ensure|Check|Run|Add|Remove|Try|Avoid|Enable|Disable|Change|Upgrade|Update|Increase|Decrease|Consider|Specify|Pass|Call|Do not|Don't|You (can|should|must|may|need)|If you|To (fix|avoid|solve|prevent|work around|enable|disable|use)|Instead|Please|Verify|Provide|Create|Define|Wrap|Convert|Close|Wait|Delete|Start|Stop|Restart|Configure)\b")


def sentences(work: pathlib.Path, neighbours: int, advised: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Neighbouring sentences of one passage; and error messages with sentences of the same source that give advice."""
    random_ = random.Random(12)
    found: list[dict[str, str]] = []
    errors: list[tuple[str, str]] = []
    advice: dict[str, list[str]] = {}
    with (work / 'corpus.jsonl').open() as file:
        for line in file:
            record = json.loads(line)
            if record['k'] == 'error':
                errors.append((record['s'], record['p']))
            elif record['k'] in ('section', 'doc', 'cloze'):
                parts = [p for p in re.split(r'(?<=[.!?])\s+(?=[A-Z])', record['p']) if 4 <= len(p.split()) <= 35]
                advice.setdefault(record['s'], []).extend(p for p in parts if ADVICE.match(p))
                if len(parts) > 1 and len(found) < neighbours and random_.random() < 0.4:
                    at = random_.randrange(len(parts) - 1)
                    found.append({'s': record['s'], 'k': 'cloze', 'q': parts[at], 'p': parts[at + 1]})
    random_.shuffle(found)
    random_.shuffle(errors)
    every = [p for listed in advice.values() for p in listed]
    pairs = [{'s': s, 'k': 'error', 'q': message, 'p': random_.choice((advice.get(s) or every) if random_.random() < 0.7 else every)} for s, message in errors[:advised]]
    return found, pairs


def main(work: pathlib.Path, pairs: int = 12000, visits: int = 4, neighbours: int = 80000, advised: int = 24000) -> None:
    random_ = random.Random(11)
    who, did, how = (text.split('|') for text in (WHO, DID, HOW))

    def sentence(fixed: str = '') -> str:
        parts = [random_.choice(who), random_.choice(did)]
        words = f'{fixed or " ".join(parts)} {random_.choice(how)}' if random_.random() < 0.5 else fixed or ' '.join(parts)
        said = random_.choice(FRAME).format(words)
        return said[0].upper() + said[1:]

    records = []
    for _ in range(pairs):
        subject, act = random_.choice(who), random_.choice(did)
        shared = random_.random()
        one = sentence(f'{subject} {act}')
        other = sentence(f'{subject} {act}' if shared < 0.2 else f'{subject} {random_.choice(did)}' if shared < 0.6 else f'{random_.choice(who)} {act}')
        records.append({'s': 'everyday', 'k': 'cloze', 'q': one, 'p': other})
    words = [t for t in vocabulary(work) if t.isalpha() and len(t) > 2 and not t.startswith('##')]
    bags: list[str] = []
    for _ in range(visits):
        random_.shuffle(words)
        at = 0
        while at < len(words):
            size = random_.choice([1, 2, 3, 4, 6])
            bags.append(' '.join(words[at:at + size]))
            at += size
    random_.shuffle(bags)
    records += [{'s': 'bags', 'k': 'cloze', 'q': one, 'p': other} for one, other in zip(bags[::2], bags[1::2])]
    random_.shuffle(records)
    near, advice = sentences(work, neighbours, advised)
    records += near
    (work / 'advice.jsonl').write_text(''.join(json.dumps(r, ensure_ascii=False) + '\n' for r in advice))
    (work / 'everyday.jsonl').write_text(''.join(json.dumps(r, ensure_ascii=False) + '\n' for r in records))
    print(len(records))


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
