/** English words that say nothing of what a text is about. Indexed like any other; a query leaves them out when it has other words. */
export const stopWords: ReadonlySet<string> = new Set((
  'a about above after again against all also am an and any are as at be because been before being below between both but by can could did do does doing down during each '
  + 'few for from further get got had has have having he her here hers herself him himself his how i if in into is it its itself just let me more most my myself no nor not now '
  + 'of off on once only or other our ours ourselves out over own please same she should so some such tell than that the their theirs them themselves then there these they this those through to too '
  + 'under until up us very was we were what when where which while who whom why will with would you your yours yourself yourselves dont doesnt didnt isnt wasnt arent cant wont im ive id ill youre were thats whats'
).split(' '))
